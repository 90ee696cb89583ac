//! Secrets that are handed out once and kept as their hash: sessions and one-time links.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// A secret of 256 random bits. It is told once, then only its hash is known.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) hash: [u8; 32],
}

impl Token {
    pub(crate) fn generate() -> Self {
        let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let hash = hash(&text);
        Self { text, hash }
    }
}

/// SHA-256 alone: a token has too many bits to be guessed, so that no salt or slow hash is needed.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_a_url_and_is_found_again_by_its_hash() {
        let (token, other) = (Token::generate(), Token::generate());
        assert_ne!(token.text, other.text);
        assert_eq!(token.hash, hash(&token.text));
        assert_eq!(token.text.len(), 43);
        assert!(
            token
                .text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
    }
}
