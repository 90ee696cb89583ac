//! What a guest may import: the interfaces that the two engines' linkers define, and which of
//! them answer a call today.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use anyhow::anyhow;
use domain::report::Support;
use wit_parser::{InterfaceId, Resolve, UnresolvedPackageGroup, WorldItem};

use crate::config::Kind;

macro_rules! package {
    ($name:literal) => {
        (
            concat!($name, ".wit"),
            include_str!(concat!("../../../wit/deps/", $name, ".wit")),
        )
    };
}

/// The contract itself, with its packages. A test of the worker holds the linkers to it.
const PACKAGES: &[(&str, &str)] = &[
    package!("cli-0.2.12"),
    package!("cli-0.3.0"),
    package!("clocks-0.2.12"),
    package!("clocks-0.3.0"),
    package!("config-0.2.0-draft-2024-09-27"),
    package!("config-0.2.0-rc.1"),
    package!("filesystem-0.2.12"),
    package!("filesystem-0.3.0"),
    package!("http-0.2.12"),
    package!("http-0.3.0"),
    package!("io-0.2.12"),
    package!("logging-0.1.0-draft"),
    package!("random-0.2.12"),
    package!("random-0.3.0"),
    package!("sockets-0.2.12"),
    package!("sockets-0.3.0"),
];

/// By the name of an interface with its version, the functions and types in it.
type Interfaces = BTreeMap<String, BTreeSet<String>>;

/// How an import named `name` fares in the engine of `kind`.
pub(crate) fn support(kind: Kind, name: &str) -> Support {
    if provided(kind, name).is_none() {
        return Support::Unsupported {
            nearest: nearest(kind, name),
        };
    }
    let (interface, _) = split(name);
    match refused(interface) {
        Some(reason) => Support::NotGranted {
            reason: reason.to_owned(),
        },
        None => Support::Provided,
    }
}

/// Whether a function or a resource that is asked of a provided interface is in it: a guest may have
/// been built for a newer release of the same range.
pub(crate) fn has(kind: Kind, name: &str, item: &str) -> bool {
    provided(kind, name).is_some_and(|(_, items)| items.contains(item))
}

/// The interface that an import links with.
fn provided(kind: Kind, name: &str) -> Option<(&'static str, &'static BTreeSet<String>)> {
    let (interface, version) = split(name);
    let links_with = |offered: &str| {
        let (offered, at) = split(offered);
        offered == interface && version.zip(at).is_some_and(|(asked, at)| links(asked, at))
    };
    let found = offers(kind).iter().find(|(offered, _)| links_with(offered));
    found.map(|(offered, items)| (offered.as_str(), items))
}

/// Linked, so that a guest built for all of WASI starts, and answered with an error when called.
fn refused(interface: &str) -> Option<&'static str> {
    if interface.starts_with("wasi:sockets/") {
        return Some("sockets are closed to functions; use HTTP");
    }
    if interface.starts_with("wasi:filesystem/") {
        return Some("no files are shown to a function");
    }
    match interface {
        "wasi:http/outgoing-handler" | "wasi:http/client" => {
            Some("requests go only to hosts that the function's allowed_outbound_hosts name")
        }
        _ => None,
    }
}

fn offers(kind: Kind) -> &'static Interfaces {
    static WASI_02: OnceLock<Interfaces> = OnceLock::new();
    static WASI_03: OnceLock<Interfaces> = OnceLock::new();
    let (read, world) = match kind {
        Kind::Wasi02 => (&WASI_02, "http02"),
        Kind::Wasi03 => (&WASI_03, "http03"),
    };
    read.get_or_init(|| imports(world).expect("the contract is well-formed"))
}

fn imports(world: &str) -> anyhow::Result<Interfaces> {
    let mut resolve = Resolve::default();
    let parse = |(path, text): &(&str, &str)| {
        UnresolvedPackageGroup::parse(path, text).map_err(|(_, error)| anyhow!("{error}"))
    };
    let packages = PACKAGES.iter().map(parse).collect::<anyhow::Result<_>>()?;
    let contract = parse(&("world.wit", include_str!("../../../wit/world.wit")))?;
    let contract = resolve.push_groups(contract, packages)?;
    let world = resolve.select_world(&[contract], Some(world))?;
    let imports = resolve.worlds[world].imports.values();
    let interfaces = imports.filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some((resolve.id_of(*id)?, items(&resolve, *id))),
        _ => None,
    });
    Ok(interfaces.collect())
}

fn items(resolve: &Resolve, interface: InterfaceId) -> BTreeSet<String> {
    let interface = &resolve.interfaces[interface];
    let types = interface.types.keys();
    interface.functions.keys().chain(types).cloned().collect()
}

/// The same interface in another version, else the interface of its package that shares most of
/// the name.
pub(crate) fn nearest(kind: Kind, name: &str) -> Option<String> {
    let (interface, version) = split(name);
    let package = interface.split('/').next()?;
    let shared = |offered: &str| {
        let alike = offered.bytes().zip(name.bytes());
        alike.take_while(|(a, b)| a == b).count()
    };
    let offered = offers(kind).keys().filter(|offered| {
        let (offered, _) = split(offered);
        offered.split('/').next() == Some(package)
    });
    let best = offered.max_by_key(|offered| {
        let (same, at) = split(offered);
        let in_range = version.zip(at).is_some_and(|(asked, at)| links(asked, at));
        (same == interface, in_range, shared(offered))
    });
    best.cloned()
}

pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

/// The linker's rule: a release links with any release of its compatible range, newer or older;
/// anything with a suffix with itself alone.
pub(crate) fn links(asked: &str, offered: &str) -> bool {
    asked == offered || matches!((range(asked), range(offered)), (Some(a), Some(b)) if a == b)
}

/// `0.2.6` → `0.2`, `1.4.0` → `1`; none for a version that is compatible with itself alone.
fn range(version: &str) -> Option<&str> {
    let release = version.split('+').next()?;
    let numbers: Vec<u64> = release
        .split('.')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let [major, minor, _] = numbers[..] else {
        return None;
    };
    let mut dots = release.match_indices('.').map(|(at, _)| at);
    let end = match (major, minor) {
        (0, 0) => return None,
        (0, _) => dots.nth(1)?,
        _ => dots.next()?,
    };
    Some(&release[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_link_within_their_range_in_either_direction() {
        for (asked, offered, linked) in [
            ("0.2.0", "0.2.12", true),
            ("0.2.99", "0.2.12", true),
            ("0.3.2", "0.3.0", true),
            ("0.3.0", "0.2.12", false),
            ("0.2.0-rc-2023-11-10", "0.2.12", false),
            ("1.9.0", "1.0.0", true),
            ("0.0.1", "0.0.2", false),
            ("0.0.1", "0.0.1", true),
            ("0.2", "0.2.12", false),
        ] {
            assert_eq!(links(asked, offered), linked, "{asked} with {offered}");
        }
    }

    #[test]
    fn a_function_of_a_newer_release_is_missing_and_one_of_ours_is_not() {
        let types = "wasi:http/types@0.2.99";
        assert!(has(Kind::Wasi02, types, "[method]fields.get"));
        assert!(has(Kind::Wasi02, types, "incoming-request"));
        assert!(!has(Kind::Wasi02, types, "next-year"));
        assert!(!has(Kind::Wasi02, "wasi:http/client@0.3.0", "send"));
        assert!(has(Kind::Wasi03, "wasi:http/client@0.3.9", "send"));
    }

    #[test]
    fn each_import_is_provided_or_not_granted_or_told_its_nearest() {
        let nearest = |name: &str| Support::Unsupported {
            nearest: Some(name.to_owned()),
        };
        let two = Kind::Wasi02;
        assert_eq!(support(two, "wasi:io/streams@0.2.3"), Support::Provided);
        assert!(matches!(
            support(two, "wasi:sockets/tcp@0.2.3"),
            Support::NotGranted { .. }
        ));
        assert_eq!(
            support(two, "wasi:http/types@0.3.0"),
            nearest("wasi:http/types@0.2.12")
        );
        assert_eq!(
            support(Kind::Wasi03, "wasi:http/types@0.3.1"),
            Support::Provided
        );
        assert_eq!(
            support(two, "wasi:http/outgoing-handlers@0.2.0"),
            nearest("wasi:http/outgoing-handler@0.2.12")
        );
        assert_eq!(
            support(two, "acme:billing/api@1.0.0"),
            Support::Unsupported { nearest: None }
        );
        for kind in Kind::ALL {
            for name in [
                "wasi:config/store@0.2.0-rc.1",
                "wasi:config/store@0.2.0-draft-2024-09-27",
                "wasi:logging/logging@0.1.0-draft",
            ] {
                assert_eq!(support(kind, name), Support::Provided, "{name}");
            }
        }
    }
}
