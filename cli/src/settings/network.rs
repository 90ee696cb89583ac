//! The network that a worker is in: the proxies before it, and where requests of functions may go.

use std::net::SocketAddr;

use ipnet::IpNet;
use worker::egress;

use super::reader::{Reader, address, folder, networks};
use crate::args::NetworkArgs;

pub(super) struct Network {
    pub(super) functions_plain: Option<SocketAddr>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) egress: egress::Settings,
}

pub(super) fn read(args: &NetworkArgs, reader: &mut Reader<'_>) -> Option<Network> {
    let functions_plain = args.functions_plain.as_deref();
    let functions_plain = reader.optional("--functions-plain", functions_plain, address);
    let mut listed = |flag, given: &Option<String>| {
        let given = given.as_deref().filter(|text| !text.is_empty());
        reader.or(flag, given, Vec::new(), networks)
    };
    let trusted_proxies = listed("--trusted-proxies", &args.trusted_proxies);
    let allow = listed("--egress-allow", &args.egress_allow);
    let deny = listed("--egress-deny", &args.egress_deny);
    let ca = reader.optional("--egress-ca", args.egress_ca.as_deref(), folder);
    Some(Network {
        functions_plain,
        trusted_proxies: trusted_proxies?,
        egress: egress::Settings {
            allow: allow?,
            deny: deny?,
            ca,
            ..egress::Settings::default()
        },
    })
}
