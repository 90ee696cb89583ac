//! The one wasmtime configuration, the import report, and the compile jail.

#[cfg(feature = "compile")]
pub mod jail {
    //! The child process that reads and compiles what strangers uploaded.

    /// What one compile may use.
    #[derive(Clone, Copy, Debug)]
    pub struct Limits {
        pub cpu_seconds: u64,
        pub address_space_bytes: u64,
        pub wall_seconds: u64,
    }
}
