//! What a person needs to know once everything runs, on standard output.

use std::path::Path;

use crate::settings::up::UpSettings;

pub(super) fn print(settings: &UpSettings, data: &Path, ca: &Path, setup_link: Option<&str>) {
    let port = match settings.functions.port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let domain = &settings.apps_domain;
    println!();
    println!("Atoll is running.");
    println!();
    match setup_link {
        Some(link) => println!("  Set it up    {link}  (this link works once)"),
        None => println!("  Console      {}", settings.public_url),
    }
    println!("  Functions    https://TENANT.{domain}{port}/FUNCTION");
    println!("  Certificate  {}  (curl --cacert)", ca.display());
    println!("  Data         {}", data.display());
    println!();
    println!("Press Ctrl-C to stop.");
    println!();
}
