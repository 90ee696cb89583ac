//! Where requests of functions may go on this network.

use worker::egress::Settings;

use super::reader::{Reader, folder, networks};
use crate::args::EgressArgs;

pub(super) fn read(args: &EgressArgs, reader: &mut Reader<'_>) -> Option<Settings> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (allow, deny) = (given(&args.egress_allow), given(&args.egress_deny));
    let allow = reader.or("--egress-allow", allow.as_deref(), Vec::new(), networks);
    let deny = reader.or("--egress-deny", deny.as_deref(), Vec::new(), networks);
    let ca = reader.optional("--egress-ca", args.egress_ca.as_deref(), folder);
    Some(Settings {
        allow: allow?,
        deny: deny?,
        ca,
        ..Settings::default()
    })
}
