//! The binary; all of it is in the library, which the scenarios start as well.

fn main() -> std::process::ExitCode {
    atoll::main()
}
