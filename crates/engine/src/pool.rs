//! The engines of a worker: no compiler, and all memory of guests taken from a pool that is
//! reserved once, so that an instance costs no system call to make and one, shared, to clear.

use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result};

use crate::config::{Kind, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES, base};

/// How large one engine's pool is. A slot reserves 4 GiB of address space, of which a process has
/// 128 TiB over all its engines; memory is taken only as guests touch it.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    /// Invocations in flight at a time.
    pub slots: u32,
    /// The most that one linear memory may grow to: that of the largest plan.
    pub memory_bytes: usize,
    /// [`process_cannot_swap`], asked once at the start.
    pub cannot_swap: bool,
}

/// Makes the engine that runs guests of `kind`. It opens `/proc/self/pagemap`: make it before the
/// process is confined.
pub fn engine(kind: Kind, settings: &PoolSettings) -> Result<Engine> {
    let mut config = base(kind);
    #[cfg(feature = "compile")]
    config.enable_compiler(false);
    config
        .async_stack_size(2 << 20)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(kind, settings)));
    Engine::new(&config)
}

fn pool(kind: Kind, settings: &PoolSettings) -> PoolingAllocationConfig {
    let slots = settings.slots;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        // A guest is its module, the adapter and two or three that join them.
        .total_core_instances(slots.saturating_mul(5))
        .total_memories(slots + slots / 4 + MAX_MEMORIES)
        .total_tables(slots.saturating_mul(3) + MAX_TABLES)
        // An async guest of WASI 0.3 holds a stack for each of its tasks.
        .total_stacks(match kind {
            Kind::Wasi02 => slots,
            Kind::Wasi03 => slots.saturating_mul(4),
        })
        .total_gc_heaps(0)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_memories_per_module(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS as usize)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(settings.memory_bytes)
        .max_unused_warm_slots(slots / 4);
    if settings.cannot_swap && PoolingAllocationConfig::is_pagemap_scan_available() {
        // The kernel tells which pages a guest wrote, and only those are cleared. It is silent on
        // a page that was swapped out, which the next guest of the slot would then read.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(2 << 20)
            .table_keep_resident(64 << 10)
            // Most guests leave nothing to return. What a large one leaves goes back to the kernel
            // at once, on the thread that ran it: in a batch it would wait, gigabytes of it, for
            // whoever fills the batch.
            .decommit_batch_size(1);
    } else {
        pool.linear_memory_keep_resident(128 << 10)
            .table_keep_resident(16 << 10)
            // Every guest returns memory, each time with an interrupt of the other cores: gather
            // some, and not more than a machine can spare.
            .decommit_batch_size(16);
    }
    pool
}

/// Whether no page of this process can be swapped out: the machine has no swap, or a control
/// group that we are in forbids it.
pub fn process_cannot_swap() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    cannot_swap(read)
}

fn cannot_swap(read: impl Fn(&str) -> Option<String>) -> bool {
    // The first line names the columns.
    if read("/proc/swaps").is_some_and(|swaps| swaps.lines().count() <= 1) {
        return true;
    }
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let Some(mut group) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return false;
    };
    // A limit holds for the whole tree below it.
    loop {
        let limit = read(&format!("/sys/fs/cgroup/{group}/memory.swap.max"));
        if limit.is_some_and(|limit| limit.trim() == "0") {
            return true;
        }
        match group.rsplit_once('/') {
            Some((parent, _)) => group = parent,
            None if group.is_empty() => return false,
            None => group = "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWAP: &str = "Filename Type Size Used Priority\n/swap file 1 0 -2\n";

    #[test]
    fn swap_is_impossible_without_any_or_below_a_group_that_forbids_it() {
        let machine = |files: &'static [(&str, &str)]| {
            cannot_swap(move |path| {
                let found = files.iter().find(|(name, _)| *name == path);
                found.map(|(_, text)| (*text).to_owned())
            })
        };
        assert!(machine(&[(
            "/proc/swaps",
            "Filename Type Size Used Priority\n"
        )]));
        assert!(!machine(&[("/proc/swaps", SWAP)]));
        assert!(!machine(&[]), "what cannot be read promises nothing");
        assert!(machine(&[
            ("/proc/swaps", SWAP),
            ("/proc/self/cgroup", "0::/system.slice/atoll.service\n"),
            ("/sys/fs/cgroup/system.slice/memory.swap.max", "0\n"),
        ]));
        assert!(!machine(&[
            ("/proc/swaps", SWAP),
            ("/proc/self/cgroup", "0::/system.slice/atoll.service\n"),
            (
                "/sys/fs/cgroup/system.slice/atoll.service/memory.swap.max",
                "max\n"
            ),
        ]));
    }

    #[test]
    fn both_engines_can_be_made_in_one_process() {
        let settings = PoolSettings {
            slots: 64,
            memory_bytes: 128 << 20,
            cannot_swap: process_cannot_swap(),
        };
        for kind in Kind::ALL {
            engine(kind, &settings).expect("an engine");
        }
    }

    #[cfg(feature = "compile")]
    #[test]
    #[expect(unsafe_code, reason = "the bytes were compiled the line before")]
    fn what_was_compiled_for_a_kind_loads_into_its_engine_alone() {
        let component = wat::parse_str(
            "(component (core module $m (memory 1) (func (loop br 0))) (core instance (instantiate $m)))",
        )
        .expect("text that parses");
        let compilers = crate::compile::Compilers::new().expect("compilers");
        let settings = PoolSettings {
            slots: 8,
            memory_bytes: 128 << 20,
            cannot_swap: false,
        };
        for compiled in Kind::ALL {
            let artifact = compilers
                .compile(compiled, &component)
                .expect("native code");
            for serving in Kind::ALL {
                let engine = engine(serving, &settings).expect("an engine");
                // SAFETY: see the reason above.
                let loaded =
                    unsafe { wasmtime::component::Component::deserialize(&engine, &artifact) };
                assert_eq!(
                    loaded.is_ok(),
                    compiled == serving,
                    "{compiled:?} in {serving:?}"
                );
            }
        }
    }
}
