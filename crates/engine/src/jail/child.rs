//! The child's half: make the engines, close the door, and only then read what a stranger wrote.

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use super::{
    confine::confine,
    protocol::{self, Answer, Orders, Task},
};
use crate::{
    compile::Compilers,
    config::Kind,
    inspect::{self, Inspected, one_line},
};

/// What the program does when it is called with [`super::SUBCOMMAND`], given the arguments behind
/// it. Called before a thread is started, because the door closes behind one thread only.
pub fn child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let mut arguments = arguments.into_iter();
    let (Some(orders), None) = (arguments.next(), arguments.next()) else {
        return Err("`compile` is called by the API server alone, with its orders".to_owned());
    };
    let orders = Orders::parse(&orders.to_string_lossy())?;
    let compilers = Compilers::new().map_err(|error| format!("no engine: {error:#}"))?;
    if orders.task == Task::Compile {
        // Functions that are being called go first; an inspection is waited for as they are.
        let _ = rustix::process::nice(10);
    }
    confine(&orders.limits)?;

    let mut module = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut module)
        .map_err(|error| format!("the module cannot be read: {error}"))?;
    // A panic of the compiler is an answer too; its message is on stderr, where nobody needs it.
    let work = AssertUnwindSafe(|| work(&orders, &compilers, module));
    let (answer, artifact) = catch_unwind(work).unwrap_or_else(|_| {
        let detail = "the compiler gave up in a panic".to_owned();
        (Answer::Failed { detail }, Vec::new())
    });
    protocol::write(&mut std::io::stdout().lock(), &answer, &artifact)
        .map_err(|error| format!("the answer cannot be written: {error}"))
}

fn work(orders: &Orders, compilers: &Compilers, module: Vec<u8>) -> (Answer, Vec<u8>) {
    let Inspected { report, component } = match inspect::inspect(module, orders.memory_bytes) {
        Ok(inspected) => inspected,
        Err(refusal) => return (Answer::Refused(refusal), Vec::new()),
    };
    if orders.task == Task::Inspect {
        return (Answer::Report(report), Vec::new());
    }
    match compilers.compile(Kind::of(report.handler), &component) {
        Ok(artifact) => {
            let bytes = artifact.len() as u64;
            (Answer::Artifact { bytes }, artifact)
        }
        Err(error) if error.is::<wasmtime::OutOfMemory>() => (Answer::OutOfMemory, Vec::new()),
        Err(error) => {
            let detail = one_line(&format!("{error:#}"));
            (Answer::Failed { detail }, Vec::new())
        }
    }
}
