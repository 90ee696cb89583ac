//! The platform's keys, all derived from one secret of 32 bytes that the API servers share.

use domain::Invalid;
use ed25519_dalek::SigningKey;

/// Prints as nothing.
#[derive(Clone)]
pub struct Keys([u8; 32]);

impl Keys {
    /// From the 64 hexadecimal digits of `ATOLL_SECRET_KEY`.
    pub fn from_hex(text: &str) -> Result<Self, Invalid> {
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret).map_err(|_| {
            // What was seen is not repeated: it is a secret, even when it is mistyped.
            let detail = "expected 64 hexadecimal digits, as `openssl rand -hex 32` prints them";
            Invalid::new("ATOLL_SECRET_KEY", detail)
        })?;
        Ok(Self(secret))
    }

    /// 32 bytes that change with `purpose`; knowing them tells nothing about the others.
    pub fn derive(&self, purpose: &'static str) -> [u8; 32] {
        blake3::derive_key(&format!("atoll {purpose} v1"), &self.0)
    }

    /// As [`Self::derive`], one for each number.
    pub fn derive_numbered(&self, purpose: &'static str, number: u32) -> [u8; 32] {
        blake3::derive_key(&format!("atoll {purpose} {number} v1"), &self.0)
    }

    /// The Ed25519 key of `purpose`. Its public half is [`SigningKey::verifying_key`].
    pub fn signing(&self, purpose: &'static str) -> SigningKey {
        SigningKey::from_bytes(&self.derive(purpose))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_key_of_its_own_that_never_changes() {
        let keys = Keys::from_hex(&"0f".repeat(32)).unwrap();
        assert_eq!(keys.derive("csrf"), keys.clone().derive("csrf"));
        assert_ne!(keys.derive("csrf"), keys.derive("artifact signing"));
        // Artifacts signed by an earlier release must verify: this value is part of the format.
        assert_eq!(
            hex::encode(keys.derive("csrf")),
            hex::encode(blake3::derive_key("atoll csrf v1", &[0x0f; 32]))
        );
    }

    #[test]
    fn a_mistyped_secret_is_refused_without_being_repeated() {
        let problem = Keys::from_hex("c0ffee").unwrap_err();
        assert!(!problem.to_string().contains("c0ffee"));
        assert_eq!(format!("{:?}", Keys([1; 32])), "Keys(…)");
    }
}
