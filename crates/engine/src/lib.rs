//! The one wasmtime configuration, the import report, and the compile jail.
//!
//! A worker takes the feature `runtime`, an API server `compile`; what one of them compiles, the
//! other one loads only because both start from [`config`].

pub mod config;
#[cfg(feature = "runtime")]
pub mod pool;
mod tag;

#[cfg(feature = "compile")]
mod census;
#[cfg(feature = "compile")]
pub mod compile;
#[cfg(feature = "compile")]
pub mod inspect;
#[cfg(feature = "compile")]
pub mod jail;
#[cfg(feature = "compile")]
mod world;
#[cfg(feature = "compile")]
mod wrap;

pub use tag::TAG;
