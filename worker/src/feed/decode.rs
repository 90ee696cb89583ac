//! A snapshot or changes as they are read: each tenant's entry is handed on as soon as it is there.

use std::{fmt, io::Read};

use domain::{
    TenantId,
    snapshot::{Position, Snapshot},
};
use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// All of a state but its tenants.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) schema: u32,
    pub(super) position: Position,
    pub(super) hash: [u8; 32],
    pub(super) removed: Vec<TenantId>,
}

/// `each` gets the entries as they were written: their hashes are over that text, with the fields of a
/// newer release that this one does not know. What it answers ends the reading.
pub(super) fn decode(
    reader: impl Read,
    each: &mut dyn FnMut(Box<RawValue>) -> Result<(), String>,
) -> serde_json::Result<Head> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let head = json.deserialize_map(Fields(each))?;
    json.end()?;
    Ok(head)
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Hash(#[serde(with = "hex::serde")] [u8; 32]);

struct Fields<'a>(&'a mut dyn FnMut(Box<RawValue>) -> Result<(), String>);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<Snapshot>())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let (mut schema, mut position, mut hash) = (None, None, None);
        let (mut tenants, mut removed) = (false, Vec::new());
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "schema" => schema = Some(map.next_value()?),
                "position" => position = Some(map.next_value()?),
                "hash" => hash = Some(map.next_value::<Hash>()?.0),
                "tenants" => {
                    map.next_value_seed(Tenants(&mut *self.0))?;
                    tenants = true;
                }
                "removed" => removed = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !tenants {
            return Err(A::Error::missing_field("tenants"));
        }
        Ok(Head {
            schema: schema.ok_or_else(|| A::Error::missing_field("schema"))?,
            position: position.ok_or_else(|| A::Error::missing_field("position"))?,
            hash: hash.ok_or_else(|| A::Error::missing_field("hash"))?,
            removed,
        })
    }
}

struct Tenants<'a>(&'a mut dyn FnMut(Box<RawValue>) -> Result<(), String>);

impl<'de> DeserializeSeed<'de> for Tenants<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, tenants: D) -> Result<(), D::Error> {
        tenants.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Tenants<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tenants")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut tenants: A) -> Result<(), A::Error> {
        while let Some(tenant) = tenants.next_element::<Box<RawValue>>()? {
            (self.0)(tenant).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
