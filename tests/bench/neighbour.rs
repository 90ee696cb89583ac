//! A good tenant's latency while another one on the same worker does its worst.

use std::process::{Child, Command, Stdio};

use blobs::{BlobKey, Blobs};
use tokio::runtime::Handle;
use url::Url;

use crate::{
    bars::Bar,
    feed::Feed,
    guests::Compiled,
    load::Load,
    report::Section,
    settings::Settings,
    table::{Key, Table, p99},
    worker_node::{Node, function, tenant},
};

const CONNECTIONS: usize = 4;
const ALONE: &str = "alone";

/// What the other does, at how many connections.
const MISDEEDS: [(&str, &str, usize); 5] = [
    ("while another loops", "/bad/spin", 8),
    ("while another allocates", "/bad/allocate", 8),
    (
        "while another streams slowly",
        "/bad/stream?chunks=10000&ms=50",
        200,
    ),
    ("while another copies memory", "/hostile/copy-storm", 8),
    ("while another floods", "/bad/", 256),
];

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Section> {
    let folder = tempfile::tempdir()?;
    let blobs = Url::from_directory_path(folder.path().join("blobs"))
        .map_err(|()| anyhow::anyhow!("a temporary folder's path is absolute"))?;
    let store = Blobs::open(&blobs)?;
    let mut functions = Vec::new();
    for (number, (name, guest)) in [
        ("hello", "hello-v1"),
        ("bad", "kitchen"),
        ("hostile", "hostile"),
    ]
    .into_iter()
    .enumerate()
    {
        let guest = Compiled::of(settings, guest)?;
        let artifact = guest.artifact(number);
        let key = BlobKey::Artifact {
            engine_tag: artifact.engine_tag.clone(),
            module: artifact.module,
        };
        Handle::current().block_on(store.put(&key, guest.bytes.clone().into()))?;
        functions.push(function(name.parse()?, &guest, artifact));
    }
    let others = functions.split_off(1);
    let tenants = [tenant("good", functions)?, tenant("other", others)?];
    let feed = Feed::start(&tenants)?;
    let node = Node::start(folder.path(), &feed, blobs.as_str())?;

    let good = node.load("good", "/hello");
    let mut table = Table::default();
    for round in 1..=settings.rounds {
        eprintln!("   round {round}");
        let sample = good.run(&node.process, CONNECTIONS, settings.duration)?;
        table.add(Key::new(ALONE, CONNECTIONS), sample);
        for (name, path, connections) in MISDEEDS {
            let _misdeed = Background::start(&node.load("other", path), connections)?;
            let sample = good.run(&node.process, CONNECTIONS, settings.duration)?;
            table.add(Key::new(name, CONNECTIONS), sample);
        }
    }
    let alone = table.median(Key::new(ALONE, CONNECTIONS), p99);
    let bars = MISDEEDS.into_iter().filter_map(|(name, ..)| {
        let ratio = table.median(Key::new(name, CONNECTIONS), p99)? / alone?;
        Some(Bar::at_most(format!("p99 {name} over alone"), ratio, 1.2))
    });
    Ok(Section {
        title: "A good tenant's neighbour".to_owned(),
        text: format!(
            "{}\nThe CPU is that of the whole worker, the neighbour's included. Callers run on the same cores.\n",
            table.markdown()
        ),
        bars: bars.collect(),
    })
}

/// A load that goes on until it is dropped.
struct Background {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Background {
    fn start(load: &Load, connections: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let forever = std::time::Duration::from_secs(3_600);
        let mut command: Command = load.wrk_command(folder.path(), connections, forever)?;
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            _folder: folder,
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
