//! What concerns all tenants, for operators. Plans have a file of their own, the audit's is beside the tenants'.

pub mod jobs;
pub mod join_tokens;
pub mod nodes;
pub mod tenants;
pub mod users;
