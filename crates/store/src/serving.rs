//! What workers serve: the `serving_epoch` and `serving_change` tables, and the entries of tenants
//! as read at one epoch.
//!
//! An entry depends on nothing but rows, so that every API server reads the same at the same epoch.
//! Hence whoever changes such a row bumps the epoch in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ConfigName, Digest, FunctionId, FunctionName, GenerationId, Limits, PlanId, TenantId,
    TenantSlug, VersionId,
    artifact::Artifact,
    deployment::Share,
    function::{Access, Reuse},
    limits::{LimitsPatch, TenantLimits},
    snapshot::{
        AliasEntry, FormerSlug, FunctionEntry, Position, SECRETS, SecretEntry, TenantEntry,
        VersionEntry,
    },
    tenant::TenantState,
    version::Handler,
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result, artifacts, domains, routes};

/// The channel that tells API servers of a new epoch.
pub const CHANNEL: &str = "atoll_epoch";

/// The next epoch, in which `tenant` changed. The last statement of its transaction: until the
/// commit it holds up every other change of what is served.
pub async fn bump(db: &mut Connection, tenant: TenantId) -> Result<Position> {
    let row = sqlx::query!(
        "with bumped as (
             update serving_epoch set epoch = epoch + 1 returning generation, epoch
         ), change as (
             insert into serving_change (epoch, tenant_id) select epoch, $1 from bumped
         )
         select generation, epoch, pg_notify($2, epoch::text) from bumped",
        tenant.uuid(),
        CHANNEL,
    )
    .fetch_one(db)
    .await?;
    Ok(at(row.generation, row.epoch))
}

/// As [`bump`], for every tenant of a plan that has a function: an epoch for each, without a gap.
pub async fn bump_plan(db: &mut Connection, plan: PlanId) -> Result<()> {
    // Held before the tenants are read: whoever gives a tenant this plan meanwhile has either
    // committed, and is read, or waits, and bumps after us.
    sqlx::query!("select epoch from serving_epoch for update")
        .fetch_one(&mut *db)
        .await?;
    sqlx::query!(
        "with concerned as (
             select t.tenant_id, row_number() over (order by t.tenant_id) as step
               from tenant t
              where t.plan_id = $1 and t.state <> 'deleted'
                and exists (select from function f where f.tenant_id = t.tenant_id)
         ), change as (
             insert into serving_change (epoch, tenant_id)
                  select before.epoch + concerned.step, concerned.tenant_id
                    from concerned, serving_epoch before
         ), bumped as (
             update serving_epoch set epoch = epoch + (select count(*) from concerned) returning epoch
         )
         select pg_notify($2, epoch::text) from bumped",
        plan.uuid(),
        CHANNEL,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Makes all that the transaction reads be of one moment. To be its first statement.
pub async fn freeze(db: &mut Connection) -> Result<()> {
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(db)
        .await?;
    Ok(())
}

pub async fn position(db: &mut Connection) -> Result<Position> {
    let row = sqlx::query!("select generation, epoch from serving_epoch")
        .fetch_one(db)
        .await?;
    Ok(at(row.generation, row.epoch))
}

/// When each tenant changed last, as far back as the log goes.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The oldest epoch the log still holds, none where it is empty.
    pub first: Option<u64>,
    pub changed: BTreeMap<TenantId, u64>,
}

/// Of the epochs after `after`.
pub async fn log(db: &mut Connection, after: u64) -> Result<Log> {
    let first = sqlx::query_scalar!(r#"select min(epoch) as "first" from serving_change"#)
        .fetch_one(&mut *db)
        .await?;
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant: TenantId", max(epoch) as "epoch!" from serving_change
            where epoch > $1
            group by tenant_id"#,
        epoch_in(after),
    )
    .fetch_all(db)
    .await?;
    Ok(Log {
        first: first.map(epoch_out),
        changed: rows
            .into_iter()
            .map(|row| (row.tenant, epoch_out(row.epoch)))
            .collect(),
    })
}

/// Forgets changes that every API server has long heard of; one that has not reads everything.
pub async fn trim_log(db: &mut Connection) -> Result<u64> {
    let deleted =
        sqlx::query!("delete from serving_change where changed_at < now() - interval '1 day'")
            .execute(db)
            .await?;
    Ok(deleted.rows_affected())
}

/// The entries of these tenants, or of all; a tenant that is deleted or has no function has none.
pub async fn entries(
    db: &mut Connection,
    tenants: Option<&[TenantId]>,
) -> Result<Vec<TenantEntry>> {
    let tenants: Option<Vec<Uuid>> = tenants.map(|ids| ids.iter().map(|id| id.uuid()).collect());
    let functions = sqlx::query_as!(
        FunctionRow,
        r#"select t.tenant_id as "tenant: TenantId", t.slug as "slug: TenantSlug",
                  t.state as "tenant_state: TenantState",
                  f.function_id as "id: FunctionId", f.name as "name: FunctionName",
                  f.access as "access: Access", f.enabled, f.limits as "limits: Json<LimitsPatch>",
                  f.allowed_outbound_hosts, f.reuse as "reuse: Json<Reuse>",
                  p.function_limits as "plan_limits: Json<Limits>",
                  p.tenant_limits as "tenant_limits: Json<TenantLimits>",
                  live.traffic as "live?: Json<Vec<Share>>",
                  preparing.traffic as "preparing?: Json<Vec<Share>>",
                  previous.traffic as "previous?: Json<Vec<Share>>",
                  named.aliases as "aliases?: Json<Vec<AliasEntry>>"
             from function f
             join tenant t on t.tenant_id = f.tenant_id
             join plan p on p.plan_id = t.plan_id
             left join deployment live on live.function_id = f.function_id and live.state = 'live'
             left join deployment preparing on preparing.function_id = f.function_id
                   and preparing.state = 'preparing' and preparing.announced_at is not null
             left join lateral (
                   select d.traffic from deployment d
                    where d.function_id = f.function_id and d.state = 'superseded' and d.live_at is not null
                    order by d.live_at desc, d.deployment_id desc
                    limit 1) previous on true
             left join lateral (
                   select json_agg(json_build_object('name', a.name, 'version', a.version, 'open', a.open)
                                   order by a.name) as aliases
                     from alias a
                    where a.function_id = f.function_id) named on true
            where t.state <> 'deleted' and ($1::uuid[] is null or t.tenant_id = any($1))
            order by t.tenant_id, f.name"#,
        tenants.as_deref(),
    )
    .fetch_all(&mut *db)
    .await?;
    let mut former_slugs = former_slugs(db, tenants.as_deref()).await?;
    let mut versions = versions_of(db, &functions).await?;
    let mut routes = routes::entries(db, tenants.as_deref()).await?;
    let mut domains = domains::served(db, tenants.as_deref()).await?;

    let mut entries: Vec<TenantEntry> = Vec::new();
    for row in functions {
        if entries.last().is_none_or(|entry| entry.id != row.tenant) {
            entries.push(TenantEntry {
                id: row.tenant,
                slug: row.slug.clone(),
                state: row.tenant_state,
                limits: row.tenant_limits.0,
                routes: routes.remove(&row.tenant).unwrap_or_default(),
                domains: domains.remove(&row.tenant).unwrap_or_default(),
                former_slugs: former_slugs.remove(&row.tenant).unwrap_or_default(),
                functions: Vec::new(),
            });
        }
        let versions = versions.remove(&row.id).unwrap_or_default();
        let entry = entries.last_mut().expect("one was pushed where none was");
        entry.functions.push(row.into_entry(versions));
    }
    Ok(entries)
}

/// Also those whose time is over and that the sweep has not come to: what an entry holds may not depend on
/// the hour.
async fn former_slugs(
    db: &mut Connection,
    tenants: Option<&[Uuid]>,
) -> Result<BTreeMap<TenantId, Vec<FormerSlug>>> {
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant!: TenantId", slug as "slug: TenantSlug", redirects_until as "until!"
             from tenant_slug
            where redirects_until is not null and tenant_id is not null
              and ($1::uuid[] is null or tenant_id = any($1))
            order by slug"#,
        tenants,
    )
    .fetch_all(db)
    .await?;
    let mut former: BTreeMap<TenantId, Vec<FormerSlug>> = BTreeMap::new();
    for row in rows {
        let (slug, until) = (row.slug, row.until);
        former
            .entry(row.tenant)
            .or_default()
            .push(FormerSlug { slug, until });
    }
    Ok(former)
}

/// Whether workers have this version of a function, as [`entries`] tells them.
pub async fn is_served(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    number: u32,
) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from alias where tenant_id = $1 and function_id = $2 and version = $3)
               or exists (
                  select from (
                     select traffic from deployment
                      where tenant_id = $1 and function_id = $2 and state in ('live', 'preparing')
                     union all
                     (select traffic from deployment
                       where tenant_id = $1 and function_id = $2 and state = 'superseded' and live_at is not null
                       order by live_at desc, deployment_id desc
                       limit 1)
                  ) served
                  where served.traffic @> jsonb_build_array(jsonb_build_object('version', $3::integer))
               ) as "served!""#,
        tenant.uuid(),
        function.uuid(),
        number.cast_signed(),
    )
    .fetch_one(db)
    .await
}

struct FunctionRow {
    tenant: TenantId,
    slug: TenantSlug,
    tenant_state: TenantState,
    id: FunctionId,
    name: FunctionName,
    access: Access,
    enabled: bool,
    limits: Json<LimitsPatch>,
    allowed_outbound_hosts: Vec<String>,
    reuse: Option<Json<Reuse>>,
    plan_limits: Json<Limits>,
    tenant_limits: Json<TenantLimits>,
    live: Option<Json<Vec<Share>>>,
    preparing: Option<Json<Vec<Share>>>,
    previous: Option<Json<Vec<Share>>>,
    aliases: Option<Json<Vec<AliasEntry>>>,
}

impl FunctionRow {
    fn numbers(&self) -> BTreeSet<u32> {
        [&self.live, &self.preparing, &self.previous]
            .into_iter()
            .flatten()
            .flat_map(|shares| shares.iter().map(|share| share.version))
            .chain(
                self.aliases
                    .iter()
                    .flat_map(|aliases| aliases.iter().map(|alias| alias.version)),
            )
            .collect()
    }

    fn into_entry(self, versions: Vec<VersionEntry>) -> FunctionEntry {
        let prepare: BTreeSet<u32> = self
            .preparing
            .iter()
            .flat_map(|shares| shares.iter().map(|share| share.version))
            .collect();
        let has_secrets = versions.iter().any(|version| !version.secrets.is_empty());
        let requires = has_secrets.then_some(SECRETS);
        FunctionEntry {
            id: self.id,
            name: self.name,
            access: self.access,
            enabled: self.enabled,
            limits: self.limits.under(self.plan_limits.0),
            allowed_outbound_hosts: self.allowed_outbound_hosts,
            reuse: self.reuse.map(|reuse| reuse.0),
            aliases: self.aliases.map_or_else(Vec::new, |aliases| aliases.0),
            traffic: self.live.map_or_else(Vec::new, |shares| shares.0),
            requires: requires.map(str::to_owned).into_iter().collect(),
            versions,
            prepare: prepare.into_iter().collect(),
        }
    }
}

/// By function, in the order of their numbers, each with its artifacts.
async fn versions_of(
    db: &mut Connection,
    functions: &[FunctionRow],
) -> Result<BTreeMap<FunctionId, Vec<VersionEntry>>> {
    let (ids, numbers): (Vec<Uuid>, Vec<i32>) = functions
        .iter()
        .flat_map(|row| {
            row.numbers()
                .into_iter()
                .map(|number| (row.id.uuid(), number.cast_signed()))
        })
        .unzip();
    let rows = sqlx::query!(
        r#"select v.function_id as "function: FunctionId", v.version_id as "id: VersionId", v.number,
                  v.digest as "digest: Digest", m.handler as "handler: Handler",
                  v.variables as "variables: Json<BTreeMap<ConfigName, String>>",
                  held.secrets as "secrets: Json<BTreeMap<ConfigName, SecretEntry>>"
             from unnest($1::uuid[], $2::integer[]) as wanted(function_id, number)
             join version v on v.function_id = wanted.function_id and v.number = wanted.number
             join module m on m.digest = v.digest
             left join lateral (
                   select json_object_agg(s.name, json_build_object(
                              'secret', 'sec_' || replace(s.secret_id::text, '-', ''), 'number', s.number,
                              'sealed', json_build_object('key', value.serving_key,
                                            'bytes', replace(encode(value.sealed, 'base64'), E'\n', ''))
                          )) as secrets
                     from version_secret s
                     join secret_value value on value.secret_id = s.secret_id and value.number = s.number
                    where s.version_id = v.version_id) held on true
            where v.state = 'ready'
            order by v.function_id, v.number"#,
        &ids,
        &numbers,
    )
    .fetch_all(&mut *db)
    .await?;

    let digests: BTreeSet<Digest> = rows.iter().map(|row| row.digest).collect();
    let digests: Vec<Vec<u8>> = digests
        .iter()
        .map(|digest| digest.as_bytes().to_vec())
        .collect();
    let mut artifacts: BTreeMap<Digest, Vec<Artifact>> = BTreeMap::new();
    for artifact in artifacts::of(db, &digests).await? {
        artifacts.entry(artifact.module).or_default().push(artifact);
    }

    let mut versions: BTreeMap<FunctionId, Vec<VersionEntry>> = BTreeMap::new();
    for row in rows {
        versions
            .entry(row.function)
            .or_default()
            .push(VersionEntry {
                id: row.id,
                number: row.number.cast_unsigned(),
                module: row.digest,
                handler: row.handler,
                variables: row.variables.0,
                secrets: row.secrets.map(|secrets| secrets.0).unwrap_or_default(),
                artifacts: artifacts.get(&row.digest).cloned().unwrap_or_default(),
            });
    }
    Ok(versions)
}

fn at(generation: Uuid, epoch: i64) -> Position {
    Position {
        generation: GenerationId::from_uuid(generation),
        epoch: epoch_out(epoch),
    }
}

fn epoch_out(epoch: i64) -> u64 {
    epoch.unsigned_abs()
}

fn epoch_in(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
