//! What a person needs to know once everything runs, on standard output.

use std::{io::Write, path::Path};

use crate::settings::up::UpSettings;

pub(super) fn print(settings: &UpSettings, data: &Path, ca: &Path, setup_link: Option<&str>) {
    let port = match settings.functions.port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let domain = &settings.apps_domain;
    let console = match setup_link {
        Some(link) => format!("Set it up    {link}  (this link works once)"),
        None => format!("Console      {}", settings.public_url),
    };
    let plain = match settings.network.functions_plain.as_deref() {
        None | Some("") => String::new(),
        Some(address) => format!("Plain HTTP   {address}  (for a proxy that ends TLS)\n  "),
    };
    let text = format!(
        "\nAtoll is running.\n\n  \
         {console}\n  \
         Functions    https://TENANT.{domain}{port}/FUNCTION\n  \
         {plain}\
         Certificate  {}  (curl --cacert)\n  \
         Data         {}\n\n\
         Press Ctrl-C to stop.\n\n",
        ca.display(),
        data.display(),
    );
    // Whoever closed our standard output does not want to be told; that is no reason to stop.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
