//! From options and variables to validated settings, with every problem told at once.

#[cfg(feature = "api")]
pub(crate) mod api_server;
#[cfg(feature = "worker")]
mod network;
pub(crate) mod reader;
#[cfg(all(feature = "api", feature = "worker"))]
pub(crate) mod up;
#[cfg(feature = "worker")]
pub(crate) mod worker;
