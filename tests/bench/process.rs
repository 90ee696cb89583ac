//! A server as a process: started, waited for, and measured with all that it started itself.

use std::{
    collections::HashMap,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Compiling a JavaScript engine is part of some starts.
const STARTED_WITHIN: Duration = Duration::from_secs(180);
const ENDED_WITHIN: Duration = Duration::from_secs(45);
/// `USER_HZ`, which is 100 on every Linux whatever the kernel's own tick is.
const TICK: Duration = Duration::from_millis(10);
const PAGE_BYTES: u64 = 4_096;

pub(crate) struct Process(Child);

#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
}

impl Process {
    /// Starts it and waits until it takes connections at `address`. What it logs is not ours to read.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> anyhow::Result<Self> {
        let program = command.get_program().to_owned();
        let program = program.to_string_lossy();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let mut process = Self(child);
        let deadline = Instant::now() + STARTED_WITHIN;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.0.try_wait()? {
                bail!("{program} ended with {status} before it listened on {address}: {command:?}");
            }
            if Instant::now() > deadline {
                bail!("{program} did not listen on {address} within {STARTED_WITHIN:?}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }

    pub(crate) fn of(child: Child) -> Self {
        Self(child)
    }

    /// Of the process and everything below it.
    pub(crate) fn usage(&self) -> Usage {
        let all = table();
        let mut sum = Usage::default();
        let mut tree = vec![self.0.id()];
        while let Some(pid) = tree.pop() {
            if let Some((_, usage)) = all.get(&pid) {
                sum.cpu += usage.cpu;
                sum.resident_bytes += usage.resident_bytes;
            }
            let children = all.iter().filter(|(_, (parent, _))| *parent == pid);
            tree.extend(children.map(|(&child, _)| child));
        }
        sum
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pid) = Pid::from_raw(self.0.id() as i32) else {
            return;
        };
        // Its own children, a database among them, are ended by it: so it is asked first.
        let _ = kill_process(pid, Signal::TERM);
        let deadline = Instant::now() + ENDED_WITHIN;
        while Instant::now() < deadline {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every process with its parent.
fn table() -> HashMap<u32, (u32, Usage)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        Some((
            pid,
            parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
        ))
    })
    .collect()
}

/// A line of proc_pid_stat(5). The name in parentheses may hold anything, spaces and parentheses included.
fn parse(stat: &str) -> Option<(u32, Usage)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let usage = Usage {
        cpu: TICK * u32::try_from(number(11)? + number(12)?).ok()?,
        resident_bytes: number(21)? * PAGE_BYTES,
    };
    Some((number(1)? as u32, usage))
}

/// One that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    free_addresses().map(|[address]| address)
}

/// No two alike, for each is held until all are found.
pub(crate) fn free_addresses<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let listeners = (0..N).map(|_| TcpListener::bind("127.0.0.1:0"));
    let listeners: Vec<_> = listeners
        .collect::<Result<_, _>>()
        .context("loopback has free ports")?;
    let addresses: Vec<_> = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<_, _>>()?;
    Ok(addresses.try_into().expect("as many as listeners"))
}
