//! Whatever comes, a state is staged only if its hash fits, and nothing that is served changes.

use domain::{
    FunctionId, GenerationId, Limits, VersionId,
    deployment::Share,
    function::Access,
    limits::TenantLimits,
    snapshot::{Changes, FunctionEntry, SCHEMA, Snapshot, VersionEntry},
    tenant::TenantState,
    version::Handler,
};
use uuid::Uuid;

use super::*;

const HERE: Here<'static> = Here {
    engine_tag: "engine",
    tenant_ceiling: 100,
};
const ROUNDS: u64 = 20_000;

fn id(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn tenant(number: u128) -> TenantEntry {
    let version = VersionEntry {
        id: VersionId::from_uuid(Uuid::from_u128(number)),
        number: 1,
        module: domain::Digest::of(b"module"),
        handler: Handler::WasiHttp02,
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        artifacts: Vec::new(),
    };
    let function = FunctionEntry {
        id: FunctionId::from_uuid(Uuid::from_u128(number)),
        name: "hello".parse().unwrap(),
        access: Access::Public,
        enabled: true,
        limits: Limits::DEFAULT,
        allowed_outbound_hosts: Vec::new(),
        reuse: None,
        aliases: Vec::new(),
        traffic: vec![Share {
            version: 1,
            percent: 100,
        }],
        versions: vec![version],
        prepare: Vec::new(),
        requires: Vec::new(),
    };
    TenantEntry {
        id: id(number),
        slug: format!("t{number}").parse().unwrap(),
        state: TenantState::Active,
        limits: TenantLimits::DEFAULT,
        routes: Vec::new(),
        domains: Vec::new(),
        former_slugs: Vec::new(),
        functions: vec![function],
    }
}

fn at(epoch: u64) -> Position {
    Position {
        generation: GenerationId::from_uuid(Uuid::nil()),
        epoch,
    }
}

fn snapshot_of(tenants: Vec<TenantEntry>) -> Vec<u8> {
    let hashes = tenants.iter().map(|entry| (entry.id, entry.hash()));
    let snapshot = Snapshot {
        schema: SCHEMA,
        position: at(7),
        hash: snapshot::rolled_up(&hashes.collect()),
        tenants,
    };
    serde_json::to_vec(&snapshot).unwrap()
}

/// What is served, and changes that follow it.
struct Scene {
    kept: Kept,
    known: Known,
    served: Table,
    whole: Vec<u8>,
    changes: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path());
        let whole = snapshot_of(vec![tenant(1), tenant(2), tenant(3)]);
        let nothing = (Known::default(), Table::default());
        let before = Before {
            known: &nothing.0,
            served: &nothing.1,
            here: HERE,
        };
        let staged = stage(whole.as_slice(), Kind::Whole, before, &kept).unwrap();
        kept.commit(staged.writing, staged.state);

        let mut second = tenant(2);
        second.limits.concurrency = 5;
        let left = [tenant(1), second.clone(), tenant(4)];
        let hashes = left.iter().map(|entry| (entry.id, entry.hash()));
        let changes = Changes {
            schema: SCHEMA,
            position: at(8),
            hash: snapshot::rolled_up(&hashes.collect()),
            tenants: vec![second, tenant(4)],
            removed: vec![id(3)],
        };
        Self {
            kept,
            known: staged.known,
            served: staged.table,
            whole,
            changes: serde_json::to_vec(&changes).unwrap(),
            _folder: folder,
        }
    }

    fn stage(&self, json: &[u8], kind: Kind) -> Result<Staged, Unfit> {
        let before = Before {
            known: &self.known,
            served: &self.served,
            here: HERE,
        };
        // The disk has a story of its own, and would make twenty thousand rounds slow.
        stage(json, kind, before, &Kept::nowhere())
    }
}

/// The hash that these entries lead to, found another way.
fn hash_after(known: &Known, kind: Kind, json: &[u8]) -> [u8; 32] {
    #[derive(serde::Deserialize)]
    struct Plain<'a> {
        #[serde(borrow)]
        tenants: Vec<&'a RawValue>,
        #[serde(default)]
        removed: Vec<TenantId>,
    }
    let plain: Plain<'_> = serde_json::from_slice(json).unwrap();
    let mut hashes = match kind {
        Kind::Changes => known.hashes.clone(),
        Kind::Whole | Kind::Published => BTreeMap::new(),
    };
    hashes.retain(|tenant, _| !plain.removed.contains(tenant));
    for raw in plain.tenants {
        let entry: TenantEntry = serde_json::from_str(raw.get()).unwrap();
        hashes.insert(entry.id, snapshot::hash(raw.get().as_bytes()));
    }
    snapshot::rolled_up(&hashes)
}

/// xorshift (Marsaglia 2003): enough chance for a test, and the same each time.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 16) as usize
}

/// Bytes changed, cut, doubled or swapped; mostly into what JSON is made of.
fn mutate(json: &[u8], seed: &mut u64) -> Vec<u8> {
    const LIKELY: &[u8] = b"\"{}[],:0123456789abcdeftn\\-.";
    let mut mutated = json.to_vec();
    for _ in 0..=next(seed) % 3 {
        if mutated.is_empty() {
            break;
        }
        let (from, length) = (next(seed) % mutated.len(), 1 + next(seed) % 40);
        let to = (from + length).min(mutated.len());
        match next(seed) % 5 {
            0 => mutated[from] = next(seed) as u8,
            1 => mutated[from] = LIKELY[next(seed) % LIKELY.len()],
            2 => drop(mutated.drain(from..to)),
            3 => {
                let copy = mutated[from..to].to_vec();
                let at = next(seed) % mutated.len();
                mutated.splice(at..at, copy);
            }
            _ => mutated.truncate(from.max(1)),
        }
    }
    mutated
}

#[test]
fn a_good_state_is_staged_and_survives_a_restart() {
    let scene = Scene::new();
    assert_eq!(scene.served.tenants().count(), 3);
    let staged = scene.stage(&scene.changes, Kind::Changes).unwrap();
    let slug = |number: u128| staged.table.tenant(&format!("t{number}").parse().unwrap());
    assert!(slug(1).is_some() && slug(2).is_some() && slug(4).is_some() && slug(3).is_none());
    assert_eq!(staged.changed.len(), 2);
    let again = scene.stage(&scene.whole, Kind::Whole).unwrap();
    assert!(
        again.changed.is_empty(),
        "what is the same is not built anew"
    );

    let before = Before {
        known: &scene.known,
        served: &scene.served,
        here: HERE,
    };
    let kept = &scene.kept;
    kept.is_in_step();
    let written = stage(scene.changes.as_slice(), Kind::Changes, before, kept).unwrap();
    kept.commit(written.writing, written.state);
    let restored = restore(kept, HERE).unwrap().unwrap();
    assert_eq!(restored.state.position, at(8));
    assert_eq!(restored.known.hashes, staged.known.hashes);
}

#[test]
fn a_refused_state_leaves_the_limits_of_what_is_served() {
    let scene = Scene::new();
    let text = String::from_utf8(scene.changes.clone()).unwrap();
    let broken = text.replace("\"removed\"", "\"forgotten\"");
    let served = scene.served.tenant_by_id(id(2)).unwrap();
    let before = served.gate.limits();
    assert!(matches!(
        scene.stage(broken.as_bytes(), Kind::Changes),
        Err(Unfit::Refused(reason)) if reason.contains("hash")
    ));
    assert_eq!(served.gate.limits(), before);
    scene.stage(text.as_bytes(), Kind::Changes).unwrap();
    assert_eq!(served.gate.limits()[0], 5);
}

#[test]
fn whatever_comes_is_staged_only_if_its_hash_fits() {
    let scene = Scene::new();
    let mut seed = 0x5eed_5eed_5eed_5eed;
    let (mut staged, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let (kind, valid) = match round % 3 {
            0 => (Kind::Whole, &scene.whole),
            1 => (Kind::Published, &scene.whole),
            _ => (Kind::Changes, &scene.changes),
        };
        let json = if round % 10 == 9 {
            (0..next(&mut seed) % 200)
                .map(|_| next(&mut seed) as u8)
                .collect()
        } else {
            mutate(valid, &mut seed)
        };
        match scene.stage(&json, kind) {
            Ok(fit) => {
                assert_eq!(hash_after(&scene.known, kind, &json), fit.state.hash);
                assert!(fit.state.position.epoch >= 7);
                staged += 1;
            }
            Err(_) => refused += 1,
        }
        assert_eq!(scene.served.tenants().count(), 3);
    }
    // Otherwise this would say nothing: some mutations leave a state that is good.
    assert!(staged > 10 && refused > 1_000, "{staged} {refused}");
}
