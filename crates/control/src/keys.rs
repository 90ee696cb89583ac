//! The platform's keys, all derived from one secret of 32 bytes that the API servers share.

/// Prints as nothing.
#[derive(Clone)]
pub struct Keys(());

impl Keys {
    /// From the 64 hexadecimal digits of `ATOLL_SECRET_KEY`.
    pub fn from_hex(_text: &str) -> Result<Self, domain::Invalid> {
        todo!()
    }

    /// 32 bytes that change with `purpose`, for keys that belong to another layer (the console's CSRF tokens).
    pub fn derive(&self, _purpose: &'static str) -> [u8; 32] {
        todo!()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}
