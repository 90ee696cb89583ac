//! Whether both addresses are free, told before anything is started.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use domain::Problems;

use crate::settings::up::UpSettings;

/// How long the worker of a run that was killed may take to let go of its address.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// The listeners are bound again later; this is for the person who has something else on 8080.
pub(super) async fn check_free(settings: &UpSettings) -> Result<(), Problems> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let found = check_now(settings);
        if found.is_ok() || tokio::time::Instant::now() > deadline {
            return found;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn check_now(settings: &UpSettings) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (field, address) in [
        ("--console", settings.console),
        ("--functions", settings.functions),
    ] {
        let Err(error) = TcpListener::bind(address) else {
            continue;
        };
        let detail = match error.kind() {
            ErrorKind::AddrInUse => {
                format!(
                    "{address} is already in use by another program; stop it, or give another address"
                )
            }
            ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine"),
            ErrorKind::PermissionDenied => {
                format!(
                    "{address} needs more rights (ports below 1024 often do); give another port"
                )
            }
            _ => format!("cannot listen on {address}: {error}"),
        };
        problems.push(field, detail);
    }
    problems.into_result()
}
