//! What a worker costs as it knows more functions, and as more of them are called.

use std::{path::Path, time::Instant};

use blobs::{BlobKey, Blobs};
use domain::{artifact::Artifact, snapshot::TenantEntry};
use tokio::runtime::Handle;
use url::Url;

use crate::{
    bars::Bar,
    feed::Feed,
    guests::Compiled,
    report::Section,
    settings::Settings,
    table::{Key, Table, cpu, p50, p99},
    worker_node::{Node, function, tenant},
};

const PER_TENANT: usize = 100;
const CONNECTIONS: [usize; 2] = [1, 16];
const HOT: [usize; 5] = [1, 10, 100, 500, 2_000];

/// The same function is called whatever else there is.
pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Section> {
    let guest = Compiled::of(settings, "hello-v1")?;
    let mut text = "| functions | snapshot MB | start s | one tenant's change ms | resident MB |\n\
                    |--:|--:|--:|--:|--:|\n"
        .to_owned();
    let mut table = Table::default();
    let mut resident = Vec::new();
    let names = ["10 functions", "1,000 functions", "the most functions"];
    for (name, count) in names.into_iter().zip([10, 1_000, settings.functions]) {
        let folder = tempfile::tempdir()?;
        let blobs = blobs(folder.path())?;
        put(&blobs, &guest, &guest.artifact(0))?;
        let mut tenants = tenants(&guest, count, |_| 0)?;
        let feed = Feed::start(&tenants)?;
        let began = Instant::now();
        let node = Node::start(folder.path(), &feed, blobs.as_str())?;
        let start = began.elapsed();

        let changes = (0..settings.rounds).map(|round| {
            tenants[0].functions[1].limits.wall_ms = 20_000 + round as u32;
            feed.set(&tenants, &tenants[..1])?;
            let began = Instant::now();
            feed.applied()?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        });
        let changes = changes.collect::<anyhow::Result<Vec<_>>>()?;
        let change = crate::table::Spread::of(&changes, |change| *change);
        let bytes = node.process.usage().resident_bytes;
        resident.push((count, bytes));
        let snapshot: usize = tenants
            .iter()
            .map(|tenant| serde_json::to_vec(tenant).map_or(0, |json| json.len()))
            .sum();
        text += &format!(
            "| {count} | {:.1} | {:.2} | {} | {:.1} |\n",
            snapshot as f64 / 1e6,
            start.as_secs_f64(),
            change.told(1),
            bytes as f64 / 1e6
        );
        for _ in 0..settings.rounds {
            for connections in CONNECTIONS {
                let load = node.load("t0", "/f0");
                let sample = load.run(&node.process, connections, settings.duration)?;
                table.add(Key::new(name, connections), sample);
            }
        }
    }
    let mut bars = Vec::new();
    for connections in CONNECTIONS {
        for (figure, of) in [("p50", p50 as fn(&_) -> f64), ("CPU", cpu)] {
            let at = |name| table.median(Key::new(name, connections), of);
            if let (Some(few), Some(many)) = (at(names[0]), at(names[2])) {
                let what = format!(
                    "{figure} with {} functions over 10, {connections} connections",
                    settings.functions
                );
                bars.push(Bar::at_most(what, many / few, 1.1));
            }
        }
    }
    if let [(few, before), .., (many, after)] = resident[..] {
        let each = after.saturating_sub(before) as f64 / (many - few) as f64;
        bars.push(Bar::at_most(
            "bytes of memory for each idle function",
            each,
            1_000.0,
        ));
    }
    Ok(Section {
        title: "Functions in the snapshot".to_owned(),
        text: format!("{text}\nOne of them called:\n\n{}", table.markdown()),
        bars,
    })
}

/// Functions that are called in turn, each with a module of its own.
pub(crate) fn measure_hot(settings: &Settings) -> anyhow::Result<Section> {
    let guest = Compiled::of(settings, "hello-v1")?;
    let most = HOT.into_iter().max().unwrap_or(1);
    let folder = tempfile::tempdir()?;
    let blobs = blobs(folder.path())?;
    for number in 0..most {
        put(&blobs, &guest, &guest.artifact(number))?;
    }
    let tenants = tenants(&guest, most, |number| number)?;
    let feed = Feed::start(&tenants)?;
    let node = Node::start(folder.path(), &feed, blobs.as_str())?;
    let mut text =
        "| hot functions | resident MB | requests/s | p50 ms | p99 ms | CPU µs per request |\n\
                    |--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    let mut table = Table::default();
    for count in HOT {
        let mut load = node.load("t0", "/f0");
        load.script = format!(
            "local n = -1\n\
             request = function()\n\
               n = (n + 1) % {count}\n\
               local tenant = 't' .. math.floor(n / {PER_TENANT})\n\
               return wrk.format('GET', '/f' .. (n % {PER_TENANT}), {{ Host = tenant .. '.localhost' }})\n\
             end\n"
        );
        for _ in 0..settings.rounds {
            let sample = load.run(&node.process, 16, settings.duration)?;
            table.add(Key::new("hot", count), sample);
        }
        let resident = node.process.usage().resident_bytes as f64 / 1e6;
        let at = |figure| {
            table
                .median(Key::new("hot", count), figure)
                .unwrap_or(f64::NAN)
        };
        text += &format!(
            "| {count} | {resident:.1} | {:.0} | {:.2} | {:.2} | {:.1} |\n",
            at(crate::table::requests),
            at(p50),
            at(p99),
            at(cpu)
        );
    }
    Ok(Section {
        title: "Hot functions, called in turn at 16 connections".to_owned(),
        text,
        bars: Vec::new(),
    })
}

fn tenants(
    guest: &Compiled,
    count: usize,
    module: impl Fn(usize) -> usize,
) -> anyhow::Result<Vec<TenantEntry>> {
    let numbers: Vec<usize> = (0..count).collect();
    // A signature is most of the work, and the same for all of one module.
    let mut known: Option<(usize, Artifact)> = None;
    let mut artifact = |number| match &known {
        Some((known, artifact)) if *known == number => artifact.clone(),
        _ => known.insert((number, guest.artifact(number))).1.clone(),
    };
    let chunks = numbers.chunks(PER_TENANT).enumerate();
    chunks
        .map(|(index, numbers)| {
            let functions = numbers.iter().map(|number| {
                let name = format!("f{}", number % PER_TENANT).parse()?;
                Ok(function(name, guest, artifact(module(*number))))
            });
            tenant(
                &format!("t{index}"),
                functions.collect::<anyhow::Result<_>>()?,
            )
        })
        .collect()
}

fn blobs(folder: &Path) -> anyhow::Result<Url> {
    Url::from_directory_path(folder.join("blobs"))
        .map_err(|()| anyhow::anyhow!("a temporary folder's path is absolute"))
}

fn put(blobs: &Url, guest: &Compiled, artifact: &Artifact) -> anyhow::Result<()> {
    let key = BlobKey::Artifact {
        engine_tag: artifact.engine_tag.clone(),
        module: artifact.module,
    };
    let blobs = Blobs::open(blobs)?;
    Handle::current().block_on(blobs.put(&key, guest.bytes.clone().into()))?;
    Ok(())
}
