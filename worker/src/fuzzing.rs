//! What fuzz targets reach of a worker, and nobody else: the readers of what strangers send.

use domain::snapshot::TenantEntry;
use http::{HeaderMap, HeaderValue, Response, Uri, header};

pub use crate::feed::fuzzing::{snapshot, tenants};
use crate::{
    cookie, route,
    sandbox::fuzzing as sandbox,
    table::{Here, Table, Tenant},
};

const HERE: Here<'static> = Here {
    engine_tag: "",
    tenant_ceiling: 1,
};

/// The head of a command's output if it is one, and where the body begins; `None` where it goes on.
pub fn cgi_head(written: &[u8]) -> Option<(Option<Response<()>>, usize)> {
    sandbox::cgi_head(written)
}

pub fn cookie_stays_with(cookie: &HeaderValue, host: &str) -> bool {
    cookie::stays_with(cookie, host)
}

/// A table to look requests up in.
pub struct Router {
    table: Table,
    apps_domain: &'static str,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Routed {
    pub host: String,
    pub tenant: String,
    pub function: String,
    pub path_and_query: String,
}

impl Router {
    pub fn new(tenants: Vec<TenantEntry>, apps_domain: &'static str) -> Self {
        let mut table = Table::default();
        for tenant in tenants {
            table.insert(Tenant::build(tenant, None, HERE).into());
        }
        Self { table, apps_domain }
    }

    /// A request's target, and as many `Host` headers as it has.
    pub fn find(&self, target: &[u8], hosts: &[&[u8]]) -> Option<Routed> {
        let uri = Uri::try_from(target).ok()?;
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_bytes(host).ok()?);
        }
        let authority = route::authority(&uri, &headers).ok()?;
        let host = route::canonical_host(&authority);
        let target = route::find(&self.table, self.apps_domain, &host, &uri).ok()?;
        Some(Routed {
            host,
            tenant: target.tenant.slug.to_string(),
            function: target.function.name.clone(),
            path_and_query: target.path_and_query,
        })
    }
}
