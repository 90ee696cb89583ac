//! `make bench`: Atoll beside the servers it wants to be measured against, on this machine and in one run.
//!
//! Absolute figures are those of the machine and of the hour; what may be quoted are the ratios within one run.

mod atoll;
mod bars;
mod client;
mod cold;
mod feed;
mod growth;
mod guests;
mod hyper_alone;
mod load;
mod machine;
mod neighbour;
mod process;
mod report;
mod settings;
mod table;
mod throughput;
mod wasmtime;
mod worker_node;
mod workload;

use anyhow::Context as _;

use report::Report;
use settings::{Part, Settings};

fn main() -> anyhow::Result<()> {
    // The limit that all the others are seen against is this program in a process of its own.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, address] = arguments.as_slice()
        && mode == hyper_alone::MODE
    {
        return hyper_alone::serve(address.parse()?);
    }
    let settings = Settings::from_environment()?;
    load::check_tools()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    // For the HTTP clients, which look for the process's.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let mut report = Report::begin(&settings);
    for &part in &settings.parts {
        eprintln!("== {part:?}");
        let measured = match part {
            Part::Cold => cold::measure(&settings),
            Part::Growth => growth::measure(&settings),
            Part::Hot => growth::measure_hot(&settings),
            Part::Neighbour => neighbour::measure(&settings),
            Part::Hello
            | Part::P3
            | Part::Javascript
            | Part::Json
            | Part::Upload
            | Part::Download => throughput::measure(part, &settings),
        };
        // One part that cannot run takes nothing from the others, and is not passed over in silence either.
        match measured {
            Ok(section) => report.add(section),
            Err(error) => report.failed(part, &error),
        }
    }
    report.finish().context("writing the report")
}
