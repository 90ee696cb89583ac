//! The path of a route as its tenant wrote it, and the requests that a worker then leads there.

use domain::{
    FunctionId, PathPattern,
    snapshot::{RouteEntry, TenantEntry},
};
use worker::fuzzing::Router;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(pattern) = PathPattern::parse(text) else {
        return;
    };
    assert_eq!(
        PathPattern::parse(pattern.as_str()).as_ref(),
        Ok(&pattern),
        "it reads back"
    );
    let mut tenants: Vec<TenantEntry> =
        serde_json::from_str(include_str!("tenants.json")).expect("the tenants decode");
    let acme = tenants
        .iter_mut()
        .find(|tenant| tenant.slug.as_str() == "acme");
    let acme = acme.expect("there is an acme");
    let function: FunctionId = acme.functions[0].id;
    acme.routes = vec![RouteEntry {
        host: None,
        path: pattern.as_str().to_owned(),
        function,
        alias: None,
        requires: Vec::new(),
    }];
    let router = Router::new(tenants, "apps.example");
    let met = |path: &str| {
        let routed = router.find(path.as_bytes(), &[b"acme.apps.example"]);
        routed.is_some_and(|routed| routed.path_and_query == path)
    };
    // What the pattern stands for is met, with the path whole, and so is every pattern of its shape.
    let filled = |with: &str| {
        let segments = pattern.as_str().split('/').map(|segment| match segment {
            "..." => "x/y",
            segment if segment.starts_with(':') => with,
            segment => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    };
    assert!(
        met(&filled("a")) && met(&filled("%2F")),
        "{pattern} is not met"
    );
    assert!(
        met(&format!("{}?q", filled("a"))),
        "{pattern} is not met with a query"
    );
}
