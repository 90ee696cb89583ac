//! What a component's instances take from the pool, counted over every module that is instantiated
//! in it: components nest, and may instantiate one another more than once.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload,
};

const PAGE: u64 = 64 << 10;

/// Saturating throughout: a small file can nest to astronomical counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub core_instances: u64,
    pub memories: u64,
    pub memory_bytes: u64,
    pub tables: u64,
    /// The largest of them.
    pub table_elements: u64,
}

impl Census {
    fn add(&mut self, other: Self) {
        self.core_instances = self.core_instances.saturating_add(other.core_instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.tables = self.tables.saturating_add(other.tables);
        self.table_elements = self.table_elements.max(other.table_elements);
    }
}

/// A module or component being read, with what its own index spaces hold.
#[derive(Default)]
struct Scope {
    is_module: bool,
    /// Of a module: what one instance takes. Of a component: what its instances took so far.
    takes: Census,
    modules: Vec<Census>,
    components: Vec<Census>,
}

/// Takes valid bytes.
pub(crate) fn take(bytes: &[u8]) -> wasmparser::Result<Census> {
    let mut scopes: Vec<Scope> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match payload {
            Payload::Version { encoding, .. } => scopes.push(Scope {
                is_module: encoding == Encoding::Module,
                ..Scope::default()
            }),
            Payload::End(_) => {
                let Some(done) = scopes.pop() else { continue };
                let Some(parent) = scopes.last_mut() else {
                    return Ok(done.takes);
                };
                if done.is_module {
                    parent.modules.push(done.takes);
                } else {
                    parent.components.push(done.takes);
                }
            }
            payload => read_section(&mut scopes, payload)?,
        }
    }
    Ok(Census::default())
}

fn read_section(scopes: &mut [Scope], payload: Payload<'_>) -> wasmparser::Result<()> {
    let Some((scope, outer)) = scopes.split_last_mut() else {
        return Ok(());
    };
    match payload {
        Payload::MemorySection(memories) => {
            for memory in memories {
                scope.takes.add(Census {
                    memories: 1,
                    memory_bytes: memory?.initial.saturating_mul(PAGE),
                    ..Census::default()
                });
            }
        }
        Payload::TableSection(tables) => {
            for table in tables {
                scope.takes.add(Census {
                    tables: 1,
                    table_elements: table?.ty.initial,
                    ..Census::default()
                });
            }
        }
        Payload::InstanceSection(instances) => {
            for instance in instances {
                if let Instance::Instantiate { module_index, .. } = instance? {
                    let module = known(&scope.modules, module_index);
                    scope.takes.add(module);
                    scope.takes.core_instances = scope.takes.core_instances.saturating_add(1);
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances {
                if let ComponentInstance::Instantiate {
                    component_index, ..
                } = instance?
                {
                    let component = known(&scope.components, component_index);
                    scope.takes.add(component);
                }
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports {
                match import?.ty {
                    ComponentTypeRef::Module(_) => scope.modules.push(Census::default()),
                    ComponentTypeRef::Component(_) => scope.components.push(Census::default()),
                    _ => {}
                }
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases {
                read_alias(scope, outer, alias?);
            }
        }
        // An export is a new name for the item, and a new index.
        Payload::ComponentExportSection(exports) => {
            for export in exports {
                let export = export?;
                match export.kind {
                    ComponentExternalKind::Module => {
                        scope.modules.push(known(&scope.modules, export.index));
                    }
                    ComponentExternalKind::Component => {
                        scope
                            .components
                            .push(known(&scope.components, export.index));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn read_alias(scope: &mut Scope, outer: &[Scope], alias: ComponentAlias<'_>) {
    match alias {
        ComponentAlias::Outer { kind, count, index } => {
            // Zero is this very component.
            let from = |pick: fn(&Scope) -> &[Census]| match count.checked_sub(1) {
                None => known(pick(scope), index),
                Some(up) => outer
                    .iter()
                    .rev()
                    .nth(up as usize)
                    .map_or_else(Census::default, |at| known(pick(at), index)),
            };
            match kind {
                ComponentOuterAliasKind::CoreModule => {
                    let census = from(|at| &at.modules);
                    scope.modules.push(census);
                }
                ComponentOuterAliasKind::Component => {
                    let census = from(|at| &at.components);
                    scope.components.push(census);
                }
                _ => {}
            }
        }
        // What an instance exports is not followed: the worker's own check is behind this one.
        ComponentAlias::InstanceExport {
            kind: ComponentExternalKind::Module,
            ..
        } => {
            scope.modules.push(Census::default());
        }
        ComponentAlias::InstanceExport {
            kind: ComponentExternalKind::Component,
            ..
        } => {
            scope.components.push(Census::default());
        }
        _ => {}
    }
}

fn known(items: &[Census], index: u32) -> Census {
    items.get(index as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(text: &str) -> Census {
        take(&wat::parse_str(text).expect("text that parses")).expect("a census")
    }

    #[test]
    fn every_instance_counts_however_deep_it_is_nested() {
        let counted = census(
            r#"(component
                (core module $m (memory 2) (table 7 funcref))
                (core instance (instantiate $m))
                (component $inner
                    (alias outer 1 $m (core module $again))
                    (core instance (instantiate $again))
                    (core instance (instantiate $again)))
                (instance (instantiate $inner))
                (instance (instantiate $inner)))"#,
        );
        assert_eq!(
            counted,
            Census {
                core_instances: 5,
                memories: 5,
                memory_bytes: 10 * PAGE,
                tables: 5,
                table_elements: 7,
            }
        );
    }

    #[test]
    fn what_is_defined_and_never_instantiated_takes_nothing() {
        assert_eq!(
            census("(component (core module (memory 100)))"),
            Census::default()
        );
    }
}
