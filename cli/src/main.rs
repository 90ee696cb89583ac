//! The binary; all of it is in the library, which the scenarios start as well.

/// A request takes and gives back memory some hundred times: the system's allocator shows in a profile.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    atoll::main()
}
