//! Secrets where they rest and on their way: sealed by XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03),
//! whose nonces of 192 bits are long enough to be drawn at random.
//!
//! Each is bound to its place: moved to another tenant's row, or to another name, it does not open.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{SecretId, TenantId};

const NONCE_BYTES: usize = 24;

/// 32 bytes that seal and open. Prints as nothing, and is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The nonce, the ciphertext and its tag. `nonce` is random and used once.
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], place: &Place, plain: &[u8]) -> Vec<u8> {
        let aad = place.0.as_slice();
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad });
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.expect("a secret is far smaller than the cipher's limit of 256 GiB"));
        bytes
    }

    /// `None` where it was sealed by another key, for another place, or changed since.
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let aad = place.0.as_slice();
        let plain = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad });
        plain.ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl Drop for SealingKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl Serialize for SealingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serde::serialize(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SealingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::serde::deserialize(deserializer).map(Self)
    }
}

/// What a sealed text belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Place {
    /// One value that a secret had.
    pub fn secret(tenant: TenantId, secret: SecretId, number: u32) -> Self {
        let mut place = b"atoll secret v1\0".to_vec();
        place.extend(tenant.uuid().as_bytes());
        place.extend(secret.uuid().as_bytes());
        place.extend(number.to_be_bytes());
        Self(place)
    }

    /// A tenant's own key, sealed by the platform's.
    pub fn tenant_key(tenant: TenantId, number: u32) -> Self {
        let mut place = b"atoll tenant key v1\0".to_vec();
        place.extend(tenant.uuid().as_bytes());
        place.extend(number.to_be_bytes());
        Self(place)
    }
}

/// The key under which secrets travel to workers, of that number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingKey {
    pub number: u32,
    pub key: SealingKey,
}

/// What workers open with the serving key of that number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    pub key: u32,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// `None` where none of the keys opens it.
    pub fn open(&self, keys: &[ServingKey], place: &Place) -> Option<Zeroizing<Vec<u8>>> {
        let known = keys.iter().find(|known| known.number == self.key)?;
        known.key.open(place, &self.bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed(by key {}, {} bytes)", self.key, self.bytes.len())
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let mut text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(&text).map_err(de::Error::custom);
    text.zeroize();
    bytes
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_alone() {
        let key = SealingKey::new([1; 32]);
        let secret = SecretId::from_uuid(Uuid::from_u128(7));
        let place = Place::secret(tenant(1), secret, 2);
        let sealed = key.seal([9; NONCE_BYTES], &place, b"hunter2");
        assert_eq!(key.open(&place, &sealed).unwrap().as_slice(), b"hunter2");

        assert!(
            key.open(&Place::secret(tenant(2), secret, 2), &sealed)
                .is_none()
        );
        assert!(
            key.open(&Place::secret(tenant(1), secret, 3), &sealed)
                .is_none()
        );
        assert!(SealingKey::new([2; 32]).open(&place, &sealed).is_none());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(&place, &changed).is_none(), "byte {index}");
        }
        assert!(key.open(&place, &sealed[..NONCE_BYTES - 1]).is_none());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let sealed = Sealed {
            key: 3,
            bytes: vec![1, 2, 3],
        };
        assert_eq!(format!("{sealed:?}"), "Sealed(by key 3, 3 bytes)");
        assert_eq!(format!("{:?}", SealingKey::new([5; 32])), "SealingKey(…)");
        let json = serde_json::to_string(&sealed).unwrap();
        assert_eq!(json, r#"{"key":3,"bytes":"AQID"}"#);
        assert_eq!(serde_json::from_str::<Sealed>(&json).unwrap(), sealed);
    }
}
