//! The hosts that a function may call, as its tenant wrote them.

use domain::egress::{AllowedHosts, Scheme};

/// Names that nobody writes by chance.
const UNNAMED: [&str; 3] = ["unnamed.example", "a.unnamed.example", "unnamed"];

/// One entry on each line.
pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut entries: Vec<String> = text.lines().map(str::to_owned).collect();
    let Ok(allowed) = AllowedHosts::parse(&entries) else {
        return;
    };
    let ask = |allowed: &AllowedHosts, host: &str| {
        [
            (Scheme::Http, 80),
            (Scheme::Https, 443),
            (Scheme::Https, 8443),
        ]
        .map(|(scheme, port)| allowed.allows(scheme, host, port))
    };
    for host in UNNAMED {
        if ask(&allowed, host).contains(&true) {
            let names_it = text.contains('*') || text.to_lowercase().contains("unnamed");
            assert!(names_it, "nothing named {host} in {entries:?}");
        }
    }
    // What is asked about may come from the entries themselves, whole or in part, in any spelling.
    let hosts: Vec<String> = text
        .split(['/', ':', '\n', '*'])
        .map(str::to_uppercase)
        .collect();
    let answers: Vec<_> = hosts.iter().map(|host| ask(&allowed, host)).collect();
    entries.reverse();
    let reversed = AllowedHosts::parse(&entries).expect("the same entries in another order");
    for (host, answer) in hosts.iter().zip(answers) {
        assert_eq!(ask(&reversed, host), answer, "the order counts for {host}");
        assert_eq!(
            ask(&allowed, &host.to_lowercase()),
            answer,
            "the case counts for {host}"
        );
    }
}
