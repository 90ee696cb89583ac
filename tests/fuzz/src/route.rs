//! From a request's target and `Host` to the function that answers.

use std::sync::LazyLock;

use domain::snapshot::TenantEntry;
use worker::fuzzing::Router;

const APPS_DOMAIN: &str = "apps.example";

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let tenants: Vec<TenantEntry> =
        serde_json::from_str(include_str!("tenants.json")).expect("the tenants decode");
    Router::new(tenants, APPS_DOMAIN)
});

/// The target on the first line, a `Host` on each of the others.
pub(crate) fn run(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let hosts: Vec<&[u8]> = lines.collect();
    let Some(routed) = ROUTER.find(target, &hosts) else {
        return;
    };
    assert!(routed.path_and_query.starts_with('/'), "{routed:?}");
    let label = routed
        .host
        .strip_suffix(APPS_DOMAIN)
        .and_then(|label| label.strip_suffix('.'));
    match label {
        Some(label) => {
            let slug = label.rsplit("--").next();
            assert_eq!(
                slug,
                Some(routed.tenant.as_str()),
                "a host is its tenant's: {routed:?}"
            );
        }
        None => assert_eq!(
            (routed.host.as_str(), routed.tenant.as_str()),
            ("shop.example", "acme")
        ),
    }
    assert!(hosts.len() < 2, "a request is for one host: {routed:?}");
    assert_ne!(routed.function, "undeployed", "{routed:?}");
}
