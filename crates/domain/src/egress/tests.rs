//! What an entry allows, what is refused with which sentence, and what holds whatever is written.

use proptest::prelude::*;

use super::*;

fn allowed(entries: &[&str]) -> AllowedHosts {
    let entries: Vec<_> = entries.iter().map(|&entry| entry.to_owned()).collect();
    AllowedHosts::parse(&entries).unwrap()
}

fn refusal(entry: &str) -> String {
    AllowedHosts::parse(&[entry.to_owned()])
        .unwrap_err()
        .to_string()
}

/// `https://example.com:443`, as [`AllowedHosts::allows`] is asked.
fn asks(allowed: &AllowedHosts, url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap();
    let scheme = match scheme {
        "http" => Scheme::Http,
        _ => Scheme::Https,
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap()),
        _ => (rest, scheme.default_port()),
    };
    allowed.allows(scheme, host, port)
}

#[test]
fn nothing_is_allowed_by_default() {
    assert!(!asks(&AllowedHosts::default(), "https://example.com"));
    assert!(!asks(&allowed(&[]), "http://shop.atoll.internal"));
}

#[test]
fn an_entry_allows_what_it_names_and_no_more() {
    let table: &[(&str, &[&str], &[&str])] = &[
        (
            "https://example.com",
            &[
                "https://example.com",
                "https://EXAMPLE.com.",
                "https://example.com:443",
            ],
            &[
                "http://example.com",
                "https://example.com:8443",
                "https://a.example.com",
                "https://example.com.evil.net",
                "https://badexample.com",
            ],
        ),
        (
            "HTTP://Example.COM./",
            &["http://example.com"],
            &["https://example.com"],
        ),
        (
            "http://example.com:8080",
            &["http://example.com:8080"],
            &["http://example.com"],
        ),
        (
            "http://example.com:8000..8010",
            &["http://example.com:8000", "http://example.com:8009"],
            &["http://example.com:7999", "http://example.com:8010"],
        ),
        (
            "https://example.com:*",
            &["https://example.com:1", "https://example.com:65535"],
            &["http://example.com:80"],
        ),
        (
            "https://*.example.com",
            &["https://a.example.com", "https://b.a.example.com"],
            &[
                "https://example.com",
                "https://aexample.com",
                "https://.example.com",
            ],
        ),
        (
            "*://example.com:80",
            &["http://example.com:80", "https://example.com:80"],
            &["https://example.com"],
        ),
        (
            "https://*",
            &[
                "https://example.com",
                "https://1.2.3.4",
                "https://[2001:db8::1]",
            ],
            &["http://example.com", "https://example.com:8443"],
        ),
        (
            "*://*:*",
            &["http://example.com:1", "https://shop.spin.internal"],
            &[],
        ),
        (
            "http://10.0.0.0/8:8080",
            &["http://10.1.2.3:8080", "http://[::ffff:10.1.2.3]:8080"],
            &[
                "http://10.1.2.3",
                "http://11.0.0.1:8080",
                "http://167772161:8080",
            ],
        ),
        ("http://1.2.3.4", &["http://1.2.3.4"], &["http://1.2.3.5"]),
        (
            "http://[2001:db8::]/32:80",
            &["http://[2001:db8:1::1]"],
            &["http://[2001:db9::1]"],
        ),
        ("http://2001:db8::/32:80", &["http://[2001:db8:1::1]"], &[]),
        ("http://[2001:db8::/32]", &["http://[2001:db8:1::1]"], &[]),
        (
            "https://[::1]",
            &["https://[::1]", "https://[0:0::1]"],
            &["https://[::2]"],
        ),
        (
            "http://shop.spin.internal",
            &["http://shop.spin.internal", "http://shop.atoll.internal"],
            &["http://till.atoll.internal", "https://shop.atoll.internal"],
        ),
        (
            "http://self",
            &["http://shop.spin.internal", "http://till.atoll.internal"],
            &[
                "http://self",
                "http://atoll.internal",
                "http://metadata.google.internal",
            ],
        ),
    ];
    for (entry, yes, no) in table {
        let allowed = allowed(&[entry]);
        for url in *yes {
            assert!(asks(&allowed, url), "{entry} does not allow {url}");
        }
        for url in *no {
            assert!(!asks(&allowed, url), "{entry} allows {url}");
        }
    }
}

#[test]
fn what_is_not_understood_is_told_in_a_sentence() {
    for (entry, told) in [
        ("example.com", "has no scheme"),
        ("*", "has no scheme"),
        ("insecure:allow-all", "has no scheme"),
        (
            "redis://cache.example.com:6379",
            "\"redis\" would grant nothing",
        ),
        ("https://{{ api_host }}", "what {{ api_host }} stands for"),
        ("https://{a,b}.example.com", "an entry for each of {a,b}"),
        ("https://example.com/path", "the path \"/path\""),
        ("https://example.com/8", "the path \"/8\""),
        ("https://example.com:80/path", "the path \"/path\""),
        ("*://example.com", "names its port"),
        ("https://a.*.com", "a wildcard stands for"),
        ("https://*.*.com", "this is \"*.*.com\""),
        ("https://*example.com", "a wildcard stands for"),
        ("https://", "a host is of labels"),
        ("https://münchen.de", "punycode"),
        ("https://user@example.com", "a host is of labels"),
        ("https://2130706433", "four decimal numbers"),
        ("https://127.1", "four decimal numbers"),
        ("https://0x7f.0.0.0x1", "four decimal numbers"),
        ("https://::1", "in brackets"),
        ("https://[::1", "closing bracket"),
        ("https://[example.com]", "is not an IPv6 address"),
        ("https://10.0.0.0/33", "0 to 32 bits"),
        ("http://a.shop.atoll.internal", "by its name alone"),
        ("http://*.shop.spin.internal", "by its name alone"),
        ("https://example.com:", "is empty"),
        ("https://example.com:0", "a port of 1 to 65535"),
        ("https://example.com:70000", "a port of 1 to 65535"),
        ("https://example.com:+80", "a port of 1 to 65535"),
        ("https://example.com:90..80", "is empty"),
    ] {
        let refusal = refusal(entry);
        assert!(refusal.contains(told), "{entry}: {refusal}");
        assert!(
            refusal.starts_with("allowed_outbound_hosts[0]: "),
            "{refusal}"
        );
    }
}

#[test]
fn every_bad_entry_is_named_and_too_many_are_refused() {
    let entries = ["https://a.example", "b", "ftp://c"].map(str::to_owned);
    let problems = AllowedHosts::parse(&entries).unwrap_err();
    let fields: Vec<_> = problems.0.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(
        fields,
        ["allowed_outbound_hosts[1]", "allowed_outbound_hosts[2]"]
    );

    let many = vec!["https://a.example".to_owned(); 101];
    let problems = AllowedHosts::parse(&many).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "allowed_outbound_hosts: use at most 100 entries; these are 101"
    );
    assert!(refusal(&format!("https://{}", "a".repeat(300))).contains("this has 308"));
}

#[test]
fn a_tenants_own_functions_have_two_names() {
    assert_eq!(
        internal_function("Shop.spin.internal."),
        Some("shop".to_owned())
    );
    assert_eq!(
        internal_function("shop.atoll.internal"),
        Some("shop".to_owned())
    );
    assert_eq!(internal_function(".atoll.internal"), None);
    assert_eq!(internal_function("metadata.google.internal"), None);
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_judged(text in "\\PC{0,80}", host in "\\PC{0,40}", port: u16) {
        if let Ok(allowed) = AllowedHosts::parse(&[text]) {
            allowed.allows(Scheme::Https, &host, port);
        }
    }

    #[test]
    fn near_entries_never_panic(text in "[*a-z]{0,5}://[\\[\\]a-f0-9.:*/{}]{0,30}") {
        let _ = AllowedHosts::parse(&[text]);
    }

    #[test]
    fn a_name_allows_itself_in_any_case_and_no_other(
        name in "[a-z]{1,9}(\\.[a-z]{1,9}){1,3}",
        other in "[a-z]{1,9}(\\.[a-z]{1,9}){1,3}",
        port in 1..=u16::MAX,
    ) {
        let allowed = allowed(&[&format!("http://{name}:{port}")]);
        prop_assert!(allowed.allows(Scheme::Http, &name.to_uppercase(), port));
        prop_assert!(!allowed.allows(Scheme::Https, &name, port));
        prop_assert_eq!(allowed.allows(Scheme::Http, &other, port), canonical_host(&name) == canonical_host(&other));
    }

    #[test]
    fn a_wildcard_covers_names_below_and_never_the_name_itself(
        parent in "[a-z]{1,9}\\.[a-z]{2,9}",
        label in "[a-z0-9]{1,9}",
    ) {
        let allowed = allowed(&[&format!("https://*.{parent}")]);
        let (below, beside) = (format!("{label}.{parent}"), format!("{label}{parent}"));
        prop_assert!(allowed.allows(Scheme::Https, &below, 443));
        prop_assert!(!allowed.allows(Scheme::Https, &parent, 443));
        prop_assert!(!allowed.allows(Scheme::Https, &beside, 443));
    }

    #[test]
    fn a_network_covers_by_its_prefix(base: u32, address: u32, prefix in 0u8..=32) {
        let (base, address) = (std::net::Ipv4Addr::from(base), std::net::Ipv4Addr::from(address));
        let allowed = allowed(&[&format!("http://{base}/{prefix}")]);
        let shift = 32 - u32::from(prefix);
        let cut = |ip: std::net::Ipv4Addr| u64::from(ip.to_bits()) >> shift;
        prop_assert_eq!(
            allowed.allows(Scheme::Http, &address.to_string(), 80),
            cut(base) == cut(address)
        );
    }
}
