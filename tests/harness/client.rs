//! The `atoll` command as a person types it, with a home and a folder of their own.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

use super::{TestPlatform, platform};

pub(crate) struct Client {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// How a command ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("project")).expect("it is ours");
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    /// Somebody who has signed in by password.
    pub(crate) async fn signed_in(platform: &TestPlatform, email: &str) -> Self {
        let client = Self::new();
        let api = platform.api_url("");
        let args = ["login", "--api", &api, "--email", email, "--password-stdin"];
        client.run_with(&args, platform::PASSWORD).await.expect(0);
        client
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// A file of the project that commands run in.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.project().join(name), content).expect("the folder is ours");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.project().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// What is kept of sign-ins, and the permissions that it is kept with.
    pub(crate) fn credentials(&self) -> (String, u32) {
        let path = self.folder.path().join("config/atoll/credentials.toml");
        let text = fs::read_to_string(&path).expect("somebody has signed in");
        let mode = path.metadata().expect("it is there").permissions().mode();
        (text, mode & 0o777)
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "").await
    }

    pub(crate) async fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let mut child = self.start(args);
        let mut input = child.stdin.take().expect("it is piped");
        // A command that ends without reading it closes its end.
        let _ = input.write_all(stdin.as_bytes()).await;
        drop(input);
        let output = child.wait_with_output().await.expect("it runs");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("it writes text"),
            stderr: String::from_utf8(output.stderr).expect("it writes text"),
        }
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_atoll-under-test"))
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts")
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr))
    }

    /// The result without the end of its last line.
    pub(crate) fn said(&self) -> &str {
        self.stdout.trim_end()
    }
}
