//! What is asked of all servers alike, for each part of the comparison.

use std::{fs, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::{settings::Part, wasmtime::Flags};

pub(crate) struct Workload {
    pub(crate) title: &'static str,
    pub(crate) guest: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Option<PathBuf>,
    pub(crate) flags: &'static [Flags],
    /// Hyper alone, and Atoll's other protocols: asked once, of the guest that does least.
    pub(crate) thorough: bool,
    pub(crate) reuse: bool,
    _folder: TempDir,
}

const MEBIBYTE: usize = 1 << 20;

impl Workload {
    pub(crate) fn of(part: Part) -> anyhow::Result<Self> {
        use Flags::{Default, Fresh, Reuse, Tuned};
        let folder = tempfile::tempdir()?;
        let file = |bytes: &[u8]| -> std::io::Result<PathBuf> {
            let path = folder.path().join("body");
            fs::write(&path, bytes).map(|()| path)
        };
        let hello = Self {
            title: "Hello world, WASI 0.2",
            guest: "hello-v1",
            path: "/",
            body: None,
            flags: &[Default, Tuned, Reuse],
            thorough: true,
            reuse: true,
            _folder: tempfile::tempdir()?,
        };
        let plain = Self {
            thorough: false,
            reuse: false,
            flags: &[Default, Tuned],
            ..hello
        };
        let workload = match part {
            Part::P3 => Self {
                title: "Hello world, WASI 0.3",
                guest: "hello-p3",
                flags: &[Default, Tuned, Fresh],
                reuse: true,
                ..plain
            },
            Part::Javascript => Self {
                title: "Hello world, JavaScript",
                guest: "javascript",
                ..plain
            },
            Part::Json => Self {
                title: "2 kB of JSON, parsed and written",
                guest: "json",
                body: Some(file(&order())?),
                ..plain
            },
            Part::Upload => Self {
                title: "A request's body of 1 MB, streamed",
                guest: "kitchen",
                path: "/count",
                body: Some(file(&vec![b'x'; MEBIBYTE])?),
                ..plain
            },
            Part::Download => Self {
                title: "A response's body of 1 MB, streamed",
                guest: "kitchen",
                path: "/big?bytes=1048576",
                ..plain
            },
            _ => Self {
                thorough: true,
                reuse: true,
                flags: &[Default, Tuned, Reuse],
                ..plain
            },
        };
        Ok(Self {
            _folder: folder,
            ..workload
        })
    }
}

/// About 2 kB.
fn order() -> Vec<u8> {
    let line = |number: usize| {
        json!({
            "article": format!("article {number}"), "count": number, "cents": number * 199,
            "tags": ["in stock", "fragile", "shipped from abroad"],
        })
    };
    let lines: Vec<_> = (1..=18).map(line).collect();
    json!({ "customer": "somebody", "lines": lines })
        .to_string()
        .into_bytes()
}
