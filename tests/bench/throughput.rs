//! One guest, all servers, in rounds: each server gets its turn in each round.

use std::{net::SocketAddr, process::Command, sync::Arc};

use crate::{
    atoll::Atoll,
    bars, guests, hyper_alone,
    load::{Load, Protocol},
    process::{Process, free_address},
    report::Section,
    settings::{Part, Settings},
    table::{Key, Table},
    wasmtime,
    workload::Workload,
};

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) process: Arc<Process>,
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    /// Of the function, ahead of the path that it sees.
    pub(crate) prefix: String,
}

pub(crate) const HYPER: &str = "hyper alone";
pub(crate) const PLAIN: &str = "Atoll";
pub(crate) const REUSE: &str = "Atoll, reuse";
const TLS: &str = "Atoll, TLS";
const HTTP2: &str = "Atoll, TLS and h2";

pub(crate) fn measure(part: Part, settings: &Settings) -> anyhow::Result<Section> {
    let workload = Workload::of(part)?;
    let component = guests::path(settings, workload.guest)?;
    let mut loads: Vec<(Server, Protocol)> = Vec::new();
    if workload.thorough {
        loads.push((hyper()?, Protocol::Plain));
    }
    for flags in workload.flags {
        let server = wasmtime::serve(settings, *flags, &component)?;
        loads.push((server, Protocol::Plain));
    }
    let atoll = Atoll::start()?;
    let wasm = std::fs::read(&component)?;
    atoll.publish("fresh", wasm.clone(), false)?;
    loads.push((
        atoll.server(PLAIN, Protocol::Plain, "fresh"),
        Protocol::Plain,
    ));
    if workload.thorough {
        for (name, protocol) in [(TLS, Protocol::Tls), (HTTP2, Protocol::Http2)] {
            loads.push((atoll.server(name, protocol, "fresh"), protocol));
        }
    }
    if workload.reuse {
        atoll.publish("reuse", wasm, true)?;
        loads.push((
            atoll.server(REUSE, Protocol::Plain, "reuse"),
            Protocol::Plain,
        ));
    }

    let mut table = Table::default();
    for round in 1..=settings.rounds {
        for &connections in &settings.connections {
            for (server, protocol) in &loads {
                eprintln!(
                    "   round {round}, {connections} connections: {}",
                    server.name
                );
                let load = load(server, *protocol, &workload);
                let sample = load.run(&server.process, connections, settings.duration)?;
                table.add(Key::new(server.name, connections), sample);
            }
        }
    }
    Ok(Section {
        title: workload.title.to_owned(),
        text: table.markdown(),
        bars: bars::of(part, &table),
    })
}

fn load(server: &Server, protocol: Protocol, workload: &Workload) -> Load {
    Load {
        protocol,
        address: server.address,
        host: server.host.clone(),
        path: format!("{}{}", server.prefix, workload.path),
        body: workload.body.clone(),
        script: String::new(),
    }
}

fn hyper() -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args([hyper_alone::MODE, &address.to_string()]);
    Ok(Server {
        name: HYPER,
        process: Arc::new(Process::start(&mut command, address)?),
        address,
        host: address.to_string(),
        prefix: String::new(),
    })
}
