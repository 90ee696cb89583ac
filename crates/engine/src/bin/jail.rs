//! The jail's child alone, for the tests of this crate; a release carries it in `atoll compile`.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::jail::child_main(std::env::args_os().skip(2))
}
