//! The product's main under a name that `CARGO_BIN_EXE_…` gives to the scenarios.

fn main() -> std::process::ExitCode {
    atoll::main()
}
