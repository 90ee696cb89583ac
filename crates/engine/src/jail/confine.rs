//! What the child gives up before it reads a byte: descriptors, files, sockets, programs, threads,
//! and more than its share of CPU and memory. None of it can be taken back.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::Limits;

pub(super) fn confine(limits: &Limits) -> Result<(), String> {
    let told = |step: &'static str| move |error: std::io::Error| format!("{step}: {error}");
    close_descriptors().map_err(told("closing descriptors"))?;
    check_single_thread().map_err(told("counting threads"))?;
    limit_resources(limits).map_err(told("setting limits"))?;
    filter_system_calls().map_err(|error| format!("filtering system calls: {error}"))
}

/// Whatever was inherited beside stdin, stdout and stderr.
#[expect(
    unsafe_code,
    reason = "closing a descriptor by number is unsafe where somebody may own it; here nobody is left to"
)]
fn close_descriptors() -> std::io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: the program has just started and opened nothing; one of these numbers was the
        // listing's own, and is closed already.
        unsafe { rustix::io::close(descriptor) };
    }
    Ok(())
}

/// The filter holds for the thread that installs it, and for those it starts.
fn check_single_thread() -> std::io::Result<()> {
    match std::fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        threads => Err(std::io::Error::other(format!(
            "{threads} are running, and the jail holds one"
        ))),
    }
}

fn limit_resources(limits: &Limits) -> std::io::Result<()> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 3),
        (Resource::Nproc, 0),
        (Resource::As, limits.address_space_bytes),
        (Resource::Cpu, limits.cpu_seconds),
    ];
    for (resource, limit) in limits {
        let both = Rlimit {
            current: Some(limit),
            maximum: Some(match resource {
                // At the first the kernel sends a signal of its own, by which the parent knows.
                Resource::Cpu => limit + 1,
                _ => limit,
            }),
        };
        setrlimit(resource, both)?;
    }
    Ok(())
}

fn filter_system_calls() -> seccompiler::Result<()> {
    // Tried only by somebody who broke in: the child dies at once, by a signal that tells.
    let fatal = FATAL.iter().map(|call| (*call, Vec::new())).collect();
    install(fatal, SeccompAction::Allow, SeccompAction::KillProcess)?;
    // The rest of what is not needed fails as if forbidden, because libraries probe.
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    install(allowed()?, refused, SeccompAction::Allow)
}

fn install(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    on_match: SeccompAction,
) -> seccompiler::Result<()> {
    let filter = SeccompFilter::new(rules, otherwise, on_match, TargetArch::x86_64)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}

const FATAL: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_io_uring_setup,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
];

/// Reading, writing, memory, and the end.
fn allowed() -> seccompiler::Result<BTreeMap<i64, Vec<SeccompRule>>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    // Memory, but none to run code in: the child compiles and never executes.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let without_exec = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        rules.insert(call, vec![rule(2, without_exec, 0)?]);
    }
    // `abort` sends a signal to its own process; to another's it would be an attack.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, own)?]);
    Ok(rules)
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> seccompiler::Result<SeccompRule> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

#[cfg(test)]
mod tests {
    //! Each attempt is made by a process of its own: this test's program, started again.

    use std::{os::unix::process::ExitStatusExt as _, process::Command};

    use rustix::process::Signal;

    use super::*;

    const ATTEMPT: &str = "ATOLL_JAIL_ATTEMPT";

    /// Not a test of its own: without the variable it passes, with it the process is confined and
    /// tries. Test programs have several threads; the filter holds for this one.
    #[test]
    fn attempt() {
        let Ok(attempt) = std::env::var(ATTEMPT) else {
            return;
        };
        // What needs a single thread is left out, the rest is as in the child.
        limit_resources(&Limits::INSPECT).expect("limits");
        filter_system_calls().expect("a filter");
        let refused = match attempt.as_str() {
            "open" => std::fs::File::open("/etc/hostname").is_err(),
            "stat" => std::fs::metadata("/etc/hostname").is_err(),
            "unlink" => std::fs::remove_file("/tmp/none").is_err(),
            "connect" => std::net::TcpStream::connect("127.0.0.1:1").is_err(),
            "run" => Command::new("/bin/true").status().is_err(),
            "thread" => std::thread::Builder::new().spawn(|| ()).is_err(),
            other => panic!("no attempt {other}"),
        };
        // Straight out: the test's harness has threads and files of its own.
        std::process::exit(if refused { 42 } else { 0 });
    }

    fn outcome(attempt: &str) -> std::process::ExitStatus {
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "jail::confine::tests::attempt", "--nocapture"])
            .env(ATTEMPT, attempt)
            .output()
            .expect("it starts")
            .status
    }

    #[test]
    fn files_are_refused_and_a_socket_a_program_or_a_thread_is_fatal() {
        for attempt in ["open", "stat", "unlink"] {
            assert_eq!(outcome(attempt).code(), Some(42), "{attempt}");
        }
        for attempt in ["connect", "run", "thread"] {
            let status = outcome(attempt);
            assert_eq!(
                status.signal(),
                Some(Signal::SYS.as_raw()),
                "{attempt}: {status}"
            );
        }
    }
}
