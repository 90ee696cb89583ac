//! `atoll.toml`: what a project deploys, kept with its code.
//!
//! It says nothing of a server: a file that came with somebody's code must not choose where a token goes.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use domain::{
    FunctionName, Limits, TenantSlug,
    function::{Access, Reuse},
    rest::functions::{CreateFunction, FunctionView, LimitsBody, UpdateFunction},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use super::failure::Failure;

pub(crate) const FILE: &str = "atoll.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) tenant: Option<TenantSlug>,
    pub(crate) function: Function,
    /// Where its paths count from.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// What is left out stays as it is on the server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Function {
    pub(crate) name: FunctionName,
    /// The file that the build leaves.
    pub(crate) module: PathBuf,
    /// A command of the shell.
    pub(crate) build: Option<String>,
    description: Option<String>,
    access: Option<Access>,
    enabled: Option<bool>,
    #[serde(default)]
    limits: LimitsBody,
    allowed_outbound_hosts: Option<Vec<String>>,
    reuse: Option<Reused>,
}

/// `false`, or how: TOML has no null.
#[derive(Debug)]
struct Reused(Option<Reuse>);

impl Manifest {
    /// The file that was named, or the one in this folder if there is one.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>, Failure> {
        let path = named.unwrap_or(Path::new(FILE));
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::Usage(format!(
                "{} cannot be read: {error}",
                path.display()
            ))),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let read = toml::from_str::<Self>(text);
        let read = read.map_err(|error| {
            Failure::Usage(format!(
                "{}: {}",
                path.display(),
                error.to_string().trim_end()
            ))
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self {
            folder: folder.to_owned(),
            ..read
        })
    }
}

impl Function {
    pub(crate) fn creation(&self) -> CreateFunction {
        CreateFunction {
            name: self.name.to_string(),
            description: self.description.clone(),
            access: self.access,
            enabled: self.enabled,
            limits: Some(self.limits.clone()),
            allowed_outbound_hosts: self.allowed_outbound_hosts.clone(),
            reuse: self.reuse.as_ref().and_then(|reused| reused.0),
        }
    }

    /// What has to change for the function to be as it is written here, by name; empty if nothing has.
    pub(crate) fn changes(&self, now: &FunctionView) -> (UpdateFunction, Vec<String>) {
        let limits = self.limits_to_change(&now.limits);
        let update = UpdateFunction {
            description: differing(&self.description, &now.description),
            access: differing(&self.access, &now.access),
            enabled: differing(&self.enabled, &now.enabled),
            limits: (!limits.is_empty()).then(|| {
                serde_json::from_value(Value::Object(limits)).expect("they are some of its own")
            }),
            allowed_outbound_hosts: differing(
                &self.allowed_outbound_hosts,
                &now.allowed_outbound_hosts,
            ),
            reuse: differing(&self.reuse.as_ref().map(|reused| reused.0), &now.reuse),
        };
        let named = serde_json::to_value(&update).expect("its keys are text");
        let named = named.as_object().map(|fields| fields.keys().cloned());
        (update, named.into_iter().flatten().collect())
    }

    fn limits_to_change(&self, now: &Limits) -> Map<String, Value> {
        let object = |value: serde_json::Result<Value>| match value {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut wanted = object(serde_json::to_value(&self.limits));
        let now = object(serde_json::to_value(now));
        wanted.retain(|name, value| now.get(name) != Some(value));
        wanted
    }
}

fn differing<T: Clone + PartialEq>(wanted: &Option<T>, now: &T) -> Option<T> {
    wanted.clone().filter(|wanted| wanted != now)
}

impl<'de> Deserialize<'de> for Reused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Reused;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`false`, or a table with `requests` and `idle_seconds`")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Reused, E> {
                match on {
                    false => Ok(Reused(None)),
                    true => Err(E::invalid_value(de::Unexpected::Bool(true), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Reused, A::Error> {
                let reuse = Reuse::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Reused(Some(reuse)))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, Path::new("shop/atoll.toml")).map_err(|failure| failure.to_string())
    }

    fn live() -> FunctionView {
        serde_json::from_value(json!({
            "id": domain::FunctionId::generate(), "name": "shop", "url": "https://acme.localhost/shop",
            "description": "sells", "access": "public", "enabled": true, "limits": { "cpu_ms": 500 },
            "allowed_outbound_hosts": [], "reuse": { "requests": 10, "idle_seconds": 5, "concurrency": 1 },
            "traffic": [], "live_deployment": null, "latest_version": null,
            "created_at": "2026-01-31T12:00:00Z", "updated_at": "2026-01-31T12:00:00Z",
            "of_a_later_release": 1,
        }))
        .unwrap()
    }

    #[test]
    fn the_least_is_a_name_and_a_module() {
        let read = parse("[function]\nname = \"shop\"\nmodule = \"shop.wasm\"\n").unwrap();
        assert_eq!(read.folder, Path::new("shop"));
        let (update, named) = read.function.changes(&live());
        assert!(named.is_empty(), "{update:?}");
    }

    #[test]
    fn what_differs_is_changed_and_nothing_else() {
        let read = parse(
            "tenant = \"acme\"\n[function]\nname = \"shop\"\nmodule = \"a.wasm\"\ndescription = \"sells\"\n\
             access = \"private\"\nreuse = false\n[function.limits]\ncpu_ms = 500\nwall_ms = 10\n",
        )
        .unwrap();
        let (update, named) = read.function.changes(&live());
        assert_eq!(
            serde_json::to_value(&update).unwrap(),
            json!({ "access": "private", "limits": { "wall_ms": 10 }, "reuse": null })
        );
        assert_eq!(named, ["access", "limits", "reuse"]);
        assert_eq!(
            serde_json::to_value(read.function.creation()).unwrap(),
            json!({
                "name": "shop", "description": "sells", "access": "private",
                "limits": { "cpu_ms": 500, "wall_ms": 10 },
            })
        );
    }

    #[test]
    fn what_is_not_known_is_named_with_its_line() {
        let minimum = "[function]\nname = \"shop\"\nmodule = \"a.wasm\"\n";
        for (more, line, named) in [
            ("modul = \"b\"\n", "line 4", "modul"),
            ("[function.limits]\ncpu = 1\n", "line 5", "cpu"),
            (
                "[function.reuse]\nrequests = 2\nidle = 1\n",
                "line 6",
                "idle",
            ),
            ("access = \"all\"\n", "line 4", "all"),
            ("reuse = true\n", "line 4", "reuse"),
        ] {
            let told = parse(&format!("{minimum}{more}")).unwrap_err();
            assert!(told.contains(line) && told.contains(named), "{told}");
            assert!(told.starts_with("shop/atoll.toml: "), "{told}");
        }
        assert!(
            parse("[function]\nname = \"Shop\"\nmodule = \"\"\n")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(parse("").unwrap_err().contains("function"));
    }
}
