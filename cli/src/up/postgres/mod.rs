//! The private database cluster of `atoll up`: PostgreSQL's own programs on a folder of ours.
//!
//! It listens on a Unix socket only, in a folder that nobody else can enter.

mod account;
mod cluster;
mod initdb;
mod installation;
mod leftover;
mod runtime_folder;

pub(crate) use cluster::Cluster;
