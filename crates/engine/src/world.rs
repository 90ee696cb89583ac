//! What a guest may import: the interfaces that the two engines' linkers define, and which of
//! them answer a call today.

use domain::report::Support;

use crate::config::Kind;

/// Versions of the interfaces as the host has them.
const WASI_02: &str = "0.2.12";
const WASI_03: &str = "0.3.0";

/// Defined by both engines, at [`WASI_02`].
const INTERFACES_02: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Defined by the engine of WASI 0.3 besides, at [`WASI_03`].
const INTERFACES_03: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/types",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/system-clock",
    "wasi:clocks/types",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/client",
    "wasi:http/types",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/types",
];

/// How an import named `name` fares in the engine of `kind`.
pub(crate) fn support(kind: Kind, name: &str) -> Support {
    let (interface, version) = split(name);
    let provided = offers(kind)
        .any(|(offered, at)| offered == interface && version.is_some_and(|v| links(v, at)));
    if !provided {
        return Support::Unsupported {
            nearest: nearest(kind, interface),
        };
    }
    match refused(interface) {
        Some(reason) => Support::NotGranted {
            reason: reason.to_owned(),
        },
        None => Support::Provided,
    }
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
            Some("outbound requests are refused until hosts are allowed")
        }
        _ => None,
    }
}

fn offers(kind: Kind) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_03: &[_] = match kind {
        Kind::Wasi02 => &[],
        Kind::Wasi03 => INTERFACES_03,
    };
    INTERFACES_02
        .iter()
        .map(|interface| (*interface, WASI_02))
        .chain(of_03.iter().map(|interface| (*interface, WASI_03)))
}

/// The same interface in another version, else the interface of its package that shares most of
/// the name.
fn nearest(kind: Kind, interface: &str) -> Option<String> {
    let package = interface.split('/').next()?;
    let shared = |offered: &str| {
        let alike = offered.bytes().zip(interface.bytes());
        alike.take_while(|(a, b)| a == b).count()
    };
    offers(kind)
        .filter(|(offered, _)| offered.split('/').next() == Some(package))
        .max_by_key(|(offered, _)| (*offered == interface, shared(offered)))
        .map(|(offered, at)| format!("{offered}@{at}"))
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
    }
}
