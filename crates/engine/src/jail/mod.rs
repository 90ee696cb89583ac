//! The jail: a child process that reads and compiles what strangers uploaded, and can do nothing
//! else. This half starts it, talks to it, and tells how it ended.

mod child;
mod confine;
mod error;
mod protocol;

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use domain::report::ImportReport;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
    sync::Semaphore,
};

pub use child::child_main;
pub use error::Error;
use protocol::{Answer, Orders, Task};

/// The argument that makes our program the child.
pub const SUBCOMMAND: &str = "compile";

/// Native code is three to five times the size of its module.
const MAX_ANSWER_BYTES: u64 = 512 << 20;
const MAX_STDERR_BYTES: u64 = 16 << 10;

/// What one child may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub cpu_seconds: u64,
    pub address_space_bytes: u64,
    /// Held by the parent: a child that sleeps uses none of the others.
    pub wall_seconds: u64,
}

impl Limits {
    /// A JavaScript engine of 13 MB takes 20 s of CPU time and 350 MB. On the clock that may be ten
    /// times as long: a compile stands back behind functions that are being called.
    pub const COMPILE: Self = Self {
        cpu_seconds: 90,
        address_space_bytes: 4 << 30,
        wall_seconds: 600,
    };

    /// Reading a module takes a second where compiling it takes twenty, and somebody waits for it.
    pub const INSPECT: Self = Self {
        cpu_seconds: 15,
        address_space_bytes: 2 << 30,
        wall_seconds: 60,
    };
}

/// A module as it was uploaded.
pub enum Source {
    /// Opened for reading, at its beginning.
    File(std::fs::File),
    Bytes(bytes::Bytes),
}

impl From<std::fs::File> for Source {
    fn from(file: std::fs::File) -> Self {
        Self::File(file)
    }
}

impl From<bytes::Bytes> for Source {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jail {
    program: PathBuf,
    compile: Limits,
    /// Inspections are short and waited for: they do not queue behind compiles.
    inspecting: Arc<Semaphore>,
    compiling: Arc<Semaphore>,
}

impl Jail {
    /// `program` becomes the child when called with [`SUBCOMMAND`].
    pub fn new(program: impl Into<PathBuf>, compile: Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            program: program.into(),
            compile,
            inspecting: Arc::new(Semaphore::new(cores)),
            compiling: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Reads a module and reports. `memory_bytes` is the most that it may hold at its start.
    pub async fn inspect(
        &self,
        module: impl Into<Source>,
        memory_bytes: u64,
    ) -> Result<ImportReport, Error> {
        let orders = Orders {
            task: Task::Inspect,
            memory_bytes,
            limits: Limits::INSPECT,
        };
        let _turn = self.inspecting.acquire().await;
        match self.run(orders, module.into()).await {
            Ok((Answer::Report(report), _)) => Ok(report),
            Ok((answer, _)) => Err(Error::unexpected(&answer)),
            Err(error) => Err(error.of_inspection()),
        }
    }

    /// Compiles a module for the engine that its handler needs; a core module is wrapped first.
    /// The artifact loads where the engine's tag is [`crate::TAG`].
    pub async fn compile(
        &self,
        module: impl Into<Source>,
        memory_bytes: u64,
    ) -> Result<Vec<u8>, Error> {
        let orders = Orders {
            task: Task::Compile,
            memory_bytes,
            limits: self.compile,
        };
        let _turn = self.compiling.acquire().await;
        match self.run(orders, module.into()).await? {
            (Answer::Artifact { bytes }, artifact) if artifact.len() as u64 == bytes => {
                Ok(artifact)
            }
            (answer, _) => Err(Error::unexpected(&answer)),
        }
    }

    async fn run(&self, orders: Orders, module: Source) -> Result<(Answer, Vec<u8>), Error> {
        let mut child = self.start(&orders, &module).map_err(Error::Start)?;
        let wall = Duration::from_secs(orders.limits.wall_seconds);
        let Ok(ended) = tokio::time::timeout(wall, talk(&mut child, module)).await else {
            // Dropped, it would be killed too, but later.
            let _ = child.kill().await;
            return Err(Error::Wall {
                task: orders.task,
                seconds: orders.limits.wall_seconds,
            });
        };
        let Ended {
            status,
            stdout,
            stderr,
        } = ended.map_err(Error::Start)?;
        if !status.success() {
            return Err(Error::of_exit(&orders, status, &stderr));
        }
        if stdout.len() as u64 > MAX_ANSWER_BYTES {
            return Err(Error::Failed {
                detail: format!("the compiled module exceeds {MAX_ANSWER_BYTES} bytes"),
            });
        }
        match protocol::read(stdout) {
            Some((Answer::Refused(refusal), _)) => Err(Error::Refused(refusal)),
            Some((Answer::Failed { detail }, _)) => Err(Error::Failed { detail }),
            Some((Answer::OutOfMemory, _)) => Err(Error::Memory {
                task: orders.task,
                bytes: orders.limits.address_space_bytes,
            }),
            Some(answer) => Ok(answer),
            None => Err(Error::crashed("it answered nothing that can be read")),
        }
    }

    fn start(&self, orders: &Orders, module: &Source) -> std::io::Result<Child> {
        let stdin = match module {
            Source::File(file) => file.try_clone()?.into(),
            Source::Bytes(_) => Stdio::piped(),
        };
        Command::new(&self.program)
            .arg(SUBCOMMAND)
            .arg(orders.to_argument())
            .env_clear()
            .current_dir("/")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the server, which then decides what becomes of its children.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

struct Ended {
    status: std::process::ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

async fn talk(child: &mut Child, module: Source) -> std::io::Result<Ended> {
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let stderr = child.stderr.take().expect("stderr is a pipe");
    let (stdout, stderr, ()) = tokio::join!(
        read(stdout, MAX_ANSWER_BYTES + 1),
        read(stderr, MAX_STDERR_BYTES),
        feed(stdin, module),
    );
    Ok(Ended {
        status: child.wait().await?,
        stdout: stdout?,
        stderr: String::from_utf8_lossy(&stderr?).into_owned(),
    })
}

/// A child that ended before it read everything says why in another way.
async fn feed(stdin: Option<ChildStdin>, module: Source) {
    if let (Some(mut stdin), Source::Bytes(bytes)) = (stdin, module) {
        let _ = stdin.write_all(&bytes).await;
    }
}

/// Closes the pipe at `max`: the child cannot fill our memory by talking.
async fn read(pipe: impl AsyncRead + Unpin, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
