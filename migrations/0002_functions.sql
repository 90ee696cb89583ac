-- Functions, from the uploaded bytes to what workers serve, and the work in the background that
-- carries one to the other.
--
-- Every table with a tenant_id forces row-level security: `atoll_app` sees the rows of the tenant
-- its transaction names, `atoll_platform` all of them. tenant_id is repeated down the tree so that
-- a policy is one comparison, and foreign keys carry it along so that it cannot disagree.

create function current_tenant() returns uuid language sql stable
    return nullif(current_setting('atoll.tenant', true), '')::uuid;

-- Content, shared by all tenants: two that upload the same bytes share one row. A tenant sees a
-- module only through a row of its own, so that a digest tells nothing about other tenants.
create table module (
    digest bytea not null,
    bytes bigint not null,
    handler text not null,
    report jsonb not null,
    created_at timestamptz not null default now(),
    constraint module_pkey primary key (digest),
    constraint module_digest_is_sha256 check (octet_length(digest) = 32),
    constraint module_handler_known check (handler in ('wasi_http02', 'wasi_http03', 'command'))
);

create table upload (
    upload_id uuid not null,
    tenant_id uuid not null,
    digest bytea not null,
    created_by uuid,
    created_at timestamptz not null,
    -- A draft nobody made a version of is swept after this.
    expires_at timestamptz not null,
    constraint upload_pkey primary key (upload_id),
    constraint upload_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint upload_digest_fkey foreign key (digest) references module (digest),
    constraint upload_created_by_fkey foreign key (created_by) references user_account (user_id) on delete set null
);
create index upload_digest_idx on upload (digest);
create index upload_expires_idx on upload (expires_at);
create index upload_tenant_idx on upload (tenant_id);

-- A module compiled for one build of the engine. The signature binds the bytes to both: the blob
-- alone is never trusted.
create table artifact (
    engine_tag text not null,
    digest bytea not null,
    bytes bigint not null,
    blake3 bytea not null,
    signature bytea not null,
    created_at timestamptz not null default now(),
    constraint artifact_pkey primary key (digest, engine_tag),
    constraint artifact_digest_fkey foreign key (digest) references module (digest) on delete cascade,
    constraint artifact_blake3_length check (octet_length(blake3) = 32),
    constraint artifact_signature_length check (octet_length(signature) = 64)
);

create table function (
    function_id uuid not null,
    tenant_id uuid not null,
    name text not null,
    description text not null default '',
    access text not null default 'public',
    enabled boolean not null default true,
    -- Only what the function lowers; an absent limit is the plan's, today and after it changes.
    limits jsonb not null default '{}',
    -- The highest version number given so far. Numbers are never used twice.
    last_version integer not null default 0,
    -- Counts every change that a reader can see; the strong ETag is made of it.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint function_pkey primary key (function_id),
    constraint function_name_unique unique (tenant_id, name),
    constraint function_tenant_unique unique (tenant_id, function_id),
    constraint function_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint function_name_is_label check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(name) <= 24),
    constraint function_access_known check (access in ('public', 'private'))
);

create table version (
    version_id uuid not null,
    tenant_id uuid not null,
    function_id uuid not null,
    number integer not null,
    digest bytea not null,
    state text not null,
    message text not null default '',
    author uuid,
    -- Why it failed to compile, for people.
    error text,
    compile_ms integer,
    created_at timestamptz not null,
    constraint version_pkey primary key (version_id),
    constraint version_number_unique unique (function_id, number),
    constraint version_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    constraint version_digest_fkey foreign key (digest) references module (digest),
    constraint version_author_fkey foreign key (author) references user_account (user_id) on delete set null,
    constraint version_state_known check (state in ('compiling', 'ready', 'failed')),
    constraint version_failed_says_why check ((state = 'failed') = (error is not null))
);
create index version_digest_idx on version (digest);
create index version_compiling_idx on version (created_at) where state = 'compiling';

-- The progress of something that outlasts a request. It outlives what it was about.
create table operation (
    operation_id uuid not null,
    tenant_id uuid not null,
    kind text not null,
    state text not null,
    -- [{"name": "prepared", "done": 2, "total": 3}, …]
    steps jsonb not null default '[]',
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint operation_pkey primary key (operation_id),
    constraint operation_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint operation_state_known check (state in ('pending', 'running', 'succeeded', 'failed')),
    constraint operation_failed_says_why check ((state = 'failed') = (error is not null))
);
create index operation_tenant_idx on operation (tenant_id, created_at);

-- Append-only but for its state: a rollback is a new row.
create table deployment (
    deployment_id uuid not null,
    tenant_id uuid not null,
    function_id uuid not null,
    -- [{"version": 3, "percent": 100}]
    traffic jsonb not null,
    state text not null,
    message text not null default '',
    author uuid,
    rollback boolean not null default false,
    operation_id uuid not null,
    error text,
    created_at timestamptz not null,
    -- Since when workers were asked to load its versions.
    announced_at timestamptz,
    live_at timestamptz,
    constraint deployment_pkey primary key (deployment_id),
    constraint deployment_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    constraint deployment_operation_fkey foreign key (operation_id) references operation (operation_id),
    constraint deployment_author_fkey foreign key (author) references user_account (user_id) on delete set null,
    constraint deployment_state_known check (state in ('preparing', 'live', 'superseded', 'failed')),
    constraint deployment_live_has_moment check (state <> 'live' or live_at is not null)
);
create index deployment_function_idx on deployment (function_id, created_at);
create index deployment_operation_idx on deployment (operation_id);
create unique index deployment_live_unique on deployment (function_id) where state = 'live';
create unique index deployment_preparing_unique on deployment (function_id) where state = 'preparing';

-- The number of the serving state, in one row. Bumped as the last statement of the transaction that
-- changes what is served: the row's lock makes epochs gap-free in commit order, which a sequence is not.
create table serving_epoch (
    only_row boolean not null default true,
    -- Renewed when a backup is restored, for epochs then count twice.
    generation uuid not null,
    epoch bigint not null,
    constraint serving_epoch_pkey primary key (only_row),
    constraint serving_epoch_is_one_row check (only_row)
);
insert into serving_epoch (generation, epoch) values (gen_random_uuid(), 0);

create table serving_change (
    epoch bigint not null,
    tenant_id uuid not null,
    changed_at timestamptz not null default now(),
    constraint serving_change_pkey primary key (epoch)
);
create index serving_change_tenant_idx on serving_change (tenant_id);

-- Background work. A row holds ids only: whoever runs it reads the world again.
create table job (
    job_id uuid not null,
    kind text not null,
    -- The version to compile, the deployment to activate; the nil id where there is one of a kind.
    subject uuid not null,
    -- The build of the engine that can do it; empty where any can.
    engine_tag text not null default '',
    -- Whose it is; absent for the platform's own.
    tenant_id uuid,
    -- 'infinity' where the compiler refused for good.
    run_at timestamptz not null default now(),
    -- While this lies ahead somebody works on it, and renews it.
    lease_until timestamptz,
    -- How often it was taken: whoever holds an older number has lost it.
    attempts integer not null default 0,
    -- In a row, for reasons of our own.
    failures integer not null default 0,
    last_error text,
    created_at timestamptz not null default now(),
    constraint job_pkey primary key (job_id),
    constraint job_subject_unique unique (kind, subject, engine_tag),
    constraint job_kind_known check (kind in ('compile', 'activate', 'sweep'))
);
create index job_run_at_idx on job (run_at);

-- A worker that joined, and what it said last.
create table node (
    node_id uuid not null,
    name text not null,
    engine_tag text not null,
    internal_url text not null,
    features jsonb not null default '[]',
    applied_generation uuid,
    applied_epoch bigint,
    -- [{"version": "ver_…", "reason": "…"}]
    failed jsonb not null default '[]',
    draining boolean not null default false,
    in_flight integer not null default 0,
    joined_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    constraint node_pkey primary key (node_id)
);
create index node_seen_idx on node (seen_at);

alter table module enable row level security;
alter table module force row level security;
alter table upload enable row level security;
alter table upload force row level security;
alter table artifact enable row level security;
alter table artifact force row level security;
alter table function enable row level security;
alter table function force row level security;
alter table version enable row level security;
alter table version force row level security;
alter table operation enable row level security;
alter table operation force row level security;
alter table deployment enable row level security;
alter table deployment force row level security;
alter table serving_change enable row level security;
alter table serving_change force row level security;
alter table job enable row level security;
alter table job force row level security;

create policy upload_tenant on upload to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy function_tenant on function to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy version_tenant on version to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy operation_tenant on operation to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy deployment_tenant on deployment to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy serving_change_tenant on serving_change to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy job_tenant on job to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());

-- An operation's URL names no tenant: its reader finds out whose it is among the tenants he sits in.
create policy operation_member on operation for select to atoll_app
    using (tenant_id in (select member.tenant_id from member
                          where member.user_id = nullif(current_setting('atoll.user', true), '')::uuid));

-- Through rows that the policies above let this tenant see.
create policy module_visible on module for select to atoll_app
    using (exists (select from upload where upload.digest = module.digest)
           or exists (select from version where version.digest = module.digest));
create policy module_insert on module for insert to atoll_app with check (true);
create policy artifact_visible on artifact for select to atoll_app
    using (exists (select from module where module.digest = artifact.digest));

create policy module_platform on module to atoll_platform using (true) with check (true);
create policy upload_platform on upload to atoll_platform using (true) with check (true);
create policy artifact_platform on artifact to atoll_platform using (true) with check (true);
create policy function_platform on function to atoll_platform using (true) with check (true);
create policy version_platform on version to atoll_platform using (true) with check (true);
create policy operation_platform on operation to atoll_platform using (true) with check (true);
create policy deployment_platform on deployment to atoll_platform using (true) with check (true);
create policy serving_change_platform on serving_change to atoll_platform using (true) with check (true);
create policy job_platform on job to atoll_platform using (true) with check (true);

grant select, insert on module, upload, version to atoll_app;
grant select on artifact to atoll_app;
grant select, insert, update, delete on function to atoll_app;
grant select, insert, update on operation, deployment to atoll_app;
grant select, insert on serving_change to atoll_app;
grant select, update on serving_epoch to atoll_app;
grant select, insert on job to atoll_app;
grant select, insert, update, delete
    on module, upload, artifact, function, version, operation, deployment, serving_epoch, serving_change, job, node
    to atoll_platform;
