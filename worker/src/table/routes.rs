//! A tenant's routes as a tree of path segments: at each segment the exact one is tried first, then
//! any one, then all that follow, whatever order the routes were made in.

use std::{collections::HashMap, sync::Arc};

use domain::snapshot::RouteEntry;

use super::{Function, lacking};

/// A route that was hit.
pub(crate) struct Hit {
    pub(crate) pattern: Box<str>,
    pub(crate) function: Arc<Function>,
    pub(crate) leads: Leads,
}

/// Which of the function's versions a route leads to.
pub(crate) enum Leads {
    /// What is live.
    Live,
    Alias(Box<str>),
    /// Not to be told by this release, which lacks the feature of that name.
    Unknown(Box<str>),
}

impl Leads {
    fn of(entry: &RouteEntry) -> Self {
        match (lacking(&entry.requires), &entry.alias) {
            (Some(feature), _) => Self::Unknown(feature.as_str().into()),
            (None, Some(alias)) => Self::Alias(alias.as_str().into()),
            (None, None) => Self::Live,
        }
    }
}

#[derive(Default)]
pub(crate) struct Routes {
    anywhere: Node,
    /// Of one host alone; they come first there.
    at: HashMap<Box<str>, Node>,
}

#[derive(Default)]
struct Node {
    exact: HashMap<Box<str>, Node>,
    any: Option<Box<Node>>,
    below: Option<Hit>,
    here: Option<Hit>,
}

impl Routes {
    /// A route whose function is not there leads nowhere; of two of the same pattern the first holds.
    pub(super) fn build<'a>(
        entries: &[RouteEntry],
        function: impl Fn(&RouteEntry) -> Option<&'a Arc<Function>>,
    ) -> Option<Box<Self>> {
        let mut routes = Self::default();
        for entry in entries {
            if let Some(function) = function(entry) {
                let node = match &entry.host {
                    Some(host) => routes.at.entry(host.as_str().into()).or_default(),
                    None => &mut routes.anywhere,
                };
                node.insert(entry, function);
            }
        }
        (!entries.is_empty()).then(|| Box::new(routes))
    }

    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Hit> {
        let here = self.at.get(host).and_then(|node| node.find(path));
        here.or_else(|| self.anywhere.find(path))
    }
}

impl Node {
    fn insert(&mut self, entry: &RouteEntry, function: &Arc<Function>) {
        let mut node = self;
        let hit = Hit {
            pattern: entry.path.as_str().into(),
            function: Arc::clone(function),
            leads: Leads::of(entry),
        };
        for segment in segments(&entry.path) {
            node = match segment {
                "..." => {
                    node.below.get_or_insert(hit);
                    return;
                }
                segment if segment.starts_with(':') => node.any.get_or_insert_default(),
                segment => node.exact.entry(segment.into()).or_default(),
            };
        }
        node.here.get_or_insert(hit);
    }

    fn find(&self, path: &str) -> Option<&Hit> {
        let rest = path.strip_prefix('/')?;
        self.descend(Some(rest))
    }

    /// Visits no node twice: a node has one depth, and the path one segment there.
    fn descend(&self, rest: Option<&str>) -> Option<&Hit> {
        let deeper = match rest {
            None | Some("") => self.here.as_ref(),
            Some(rest) => {
                let (segment, rest) = match rest.split_once('/') {
                    Some((segment, rest)) => (segment, Some(rest)),
                    None => (rest, None),
                };
                let exact = self.exact.get(segment);
                let any = self.any.as_deref().filter(|_| !segment.is_empty());
                exact
                    .and_then(|node| node.descend(rest))
                    .or_else(|| any.and_then(|node| node.descend(rest)))
            }
        };
        deeper.or(self.below.as_ref())
    }
}

/// `/a/:b/...` is `a`, `:b`, `...`; the slash at an end means nothing, as in a path that is asked for.
fn segments(pattern: &str) -> impl Iterator<Item = &str> {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
    pattern.split('/').filter(move |_| !pattern.is_empty())
}

#[cfg(test)]
mod tests {
    use domain::{FunctionId, Limits, TenantId, function::Access, snapshot::FunctionEntry};

    use super::*;
    use crate::table::Here;

    /// Routes to functions named after them; tells the pattern that a path hits.
    struct Routed(Box<Routes>);

    impl Routed {
        fn new(patterns: &[&str]) -> Self {
            let entries: Vec<_> = patterns.iter().map(|pattern| entry(pattern)).collect();
            let function = function();
            Self(Routes::build(&entries, |_| Some(&function)).expect("there are routes"))
        }

        fn hit(&self, path: &str) -> &str {
            let hit = self.0.find("acme.localhost", path);
            hit.map_or("-", |hit| &hit.pattern)
        }
    }

    /// `host|/path`, or the path alone.
    fn entry(pattern: &str) -> RouteEntry {
        let (host, path) = match pattern.split_once('|') {
            Some((host, path)) => (Some(host.to_owned()), path),
            None => (None, pattern),
        };
        RouteEntry {
            host,
            path: path.to_owned(),
            function: FunctionId::generate(),
            alias: None,
            requires: Vec::new(),
        }
    }

    fn function() -> Arc<Function> {
        let entry = FunctionEntry {
            id: FunctionId::generate(),
            name: "f".parse().unwrap(),
            access: Access::Public,
            enabled: true,
            limits: Limits::DEFAULT,
            allowed_outbound_hosts: Vec::new(),
            reuse: None,
            aliases: Vec::new(),
            traffic: Vec::new(),
            versions: Vec::new(),
            prepare: Vec::new(),
            requires: Vec::new(),
        };
        let here = Here {
            engine_tag: "",
            tenant_ceiling: 1,
        };
        Function::build(entry, None, TenantId::generate(), here)
    }

    #[test]
    fn the_exact_comes_before_the_segment_and_that_before_all_below() {
        let mut patterns = [
            "/a/...",
            "/a/:id",
            "/a/b",
            "/a/:id/edit",
            "/a/b/c/...",
            "/:any/b",
            "/",
        ];
        for _ in 0..patterns.len() {
            patterns.rotate_left(1);
            let routes = Routed::new(&patterns);
            for (path, hit) in [
                ("/", "/"),
                ("/a", "/a/..."),
                ("/a/", "/a/..."),
                ("/a/b", "/a/b"),
                ("/a/b/", "/a/b"),
                ("/a/x", "/a/:id"),
                ("/a/x/edit", "/a/:id/edit"),
                ("/a/b/edit", "/a/:id/edit"),
                ("/a/b/x", "/a/..."),
                ("/a/b/c", "/a/b/c/..."),
                ("/a/b/c/d/e", "/a/b/c/..."),
                ("/a//", "/a/..."),
                ("/x/b", "/:any/b"),
                ("/x", "-"),
                ("//b", "-"),
                ("*", "-"),
            ] {
                assert_eq!(routes.hit(path), hit, "{path}");
            }
        }
    }

    #[test]
    fn a_route_that_asks_for_more_than_this_release_can_leads_to_no_version() {
        let told = |requires: &[&str]| {
            let entry = RouteEntry {
                alias: Some("next".parse().unwrap()),
                requires: requires.iter().map(|&text| text.to_owned()).collect(),
                ..entry("/")
            };
            Leads::of(&entry)
        };
        assert!(matches!(told(&["alias_routes"]), Leads::Alias(name) if &*name == "next"));
        let unknown = told(&["alias_routes", "mirrors"]);
        assert!(matches!(unknown, Leads::Unknown(feature) if &*feature == "mirrors"));
    }

    #[test]
    fn a_route_of_one_host_comes_before_those_of_all() {
        let routes = Routed::new(&["/...", "shop.example|/cart"]);
        assert_eq!(routes.hit("/cart"), "/...");
        let there = routes.0.find("shop.example", "/cart").unwrap();
        assert_eq!(&*there.pattern, "/cart");
        assert!(routes.0.find("shop.example", "/x").is_some());
    }
}
