//! Which of two live versions a caller meets: by a key that it sends, always the same one, so that a
//! ramp only ever moves callers forward; without a key, by chance.

use domain::{FunctionId, snapshot};
use http::HeaderMap;

use crate::preview;

const HEADER: &str = "x-atoll-version-key";
const COOKIE: &str = "atoll-version-key";

/// 0 to 99. The function is part of it: whoever comes first in one is not first in all.
pub(crate) fn position(headers: &HeaderMap, function: FunctionId) -> u8 {
    let header = headers.get(HEADER).map(|value| value.as_bytes());
    let key = header.or_else(|| preview::named(headers, COOKIE).map(str::as_bytes));
    match key {
        Some(key) => of_key(key, function),
        None => rand::random_range(0..100),
    }
}

fn of_key(key: &[u8], function: FunctionId) -> u8 {
    let mut keyed = function.uuid().as_bytes().to_vec();
    keyed.extend_from_slice(key);
    let [a, b, c, d, ..] = snapshot::hash(&keyed);
    (u32::from_le_bytes([a, b, c, d]) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_place_and_keys_are_spread_evenly() {
        let function = FunctionId::generate();
        assert_eq!(of_key(b"ada", function), of_key(b"ada", function));
        let low = (0..10_000_u32).filter(|key| of_key(&key.to_le_bytes(), function) < 20);
        assert!((1_800..2_200).contains(&low.count()));
    }
}
