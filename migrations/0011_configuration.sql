-- Variables and secrets, and what each version was made with.
--
-- A secret's value rests under a key of its tenant, which rests under the platform's: a leaked database
-- holds nothing that opens it. What workers get is sealed apart, under a serving key that they are told
-- when they join.

-- The numbers of the serving keys, which are derived from the platform's own. The highest seals, those
-- below open what was not sealed anew yet.
create table serving_key (
    number integer not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint serving_key_pkey primary key (number)
);
insert into serving_key (number) values (1);

create table tenant_key (
    tenant_id uuid not null,
    number integer not null,
    -- The key itself, sealed by the platform's.
    sealed bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint tenant_key_pkey primary key (tenant_id, number),
    constraint tenant_key_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade
);

create table variable (
    tenant_id uuid not null,
    -- Absent for one that all functions of the tenant have, unless they have one of that name themselves.
    function_id uuid,
    name text not null,
    value text not null,
    constraint variable_name_unique unique nulls not distinct (tenant_id, function_id, name),
    constraint variable_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint variable_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    constraint variable_name_form check (name ~ '^[A-Za-z_][A-Za-z0-9_.-]*$' and length(name) <= 128)
);
create index variable_function_idx on variable (function_id);

create table secret (
    secret_id uuid not null,
    tenant_id uuid not null,
    function_id uuid,
    name text not null,
    -- Of its newest value. Numbers are never used twice.
    number integer not null default 1,
    -- The strong ETag is made of it.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- No new version gets it; its values stay until no version refers to them.
    deleted_at timestamptz,
    constraint secret_pkey primary key (secret_id),
    constraint secret_tenant_unique unique (tenant_id, secret_id),
    constraint secret_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint secret_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    constraint secret_name_form check (name ~ '^[A-Za-z_][A-Za-z0-9_.-]*$' and length(name) <= 128)
);
create unique index secret_name_unique on secret (tenant_id, function_id, name) nulls not distinct
    where deleted_at is null;
create index secret_function_idx on secret (function_id);

-- A value that a secret has or had.
create table secret_value (
    tenant_id uuid not null,
    secret_id uuid not null,
    number integer not null,
    -- Under the tenant's key of that number.
    tenant_key integer not null,
    kept bytea not null,
    -- The same for workers, under the serving key of that number.
    serving_key integer not null,
    sealed bytea not null,
    created_at timestamptz not null,
    author uuid,
    author_token uuid,
    constraint secret_value_pkey primary key (secret_id, number),
    constraint secret_value_secret_fkey foreign key (tenant_id, secret_id)
        references secret (tenant_id, secret_id) on delete cascade,
    constraint secret_value_tenant_key_fkey foreign key (tenant_id, tenant_key)
        references tenant_key (tenant_id, number),
    constraint secret_value_serving_key_fkey foreign key (serving_key) references serving_key (number),
    constraint secret_value_author_fkey foreign key (author) references user_account (user_id) on delete set null,
    constraint secret_value_author_token_fkey foreign key (author_token)
        references access_token (token_id) on delete set null
);
create index secret_value_tenant_idx on secret_value (tenant_id, tenant_key);
create index secret_value_serving_idx on secret_value (serving_key);
create index secret_value_author_idx on secret_value (author) where author is not null;
create index secret_value_author_token_idx on secret_value (author_token) where author_token is not null;

alter table version
    -- {"DATABASE_POOL": "5"}, as the guest reads them.
    add column variables jsonb not null default '{}',
    -- The function's access, limits, outbound hosts and reuse when it was made; absent for those made before
    -- this was kept.
    add column settings jsonb,
    -- Names of variables or secrets that it cannot do without.
    add column requires text[] not null default '{}',
    -- Where its source is, for people.
    add column source_url text;

-- The secrets of a version, by the name that its guest reads.
create table version_secret (
    tenant_id uuid not null,
    version_id uuid not null,
    name text not null,
    secret_id uuid not null,
    number integer not null,
    constraint version_secret_pkey primary key (version_id, name),
    constraint version_secret_version_fkey foreign key (version_id) references version (version_id) on delete cascade,
    constraint version_secret_value_fkey foreign key (secret_id, number) references secret_value (secret_id, number)
);
create index version_secret_value_idx on version_secret (secret_id, number);
create index version_secret_tenant_idx on version_secret (tenant_id);

alter table tenant_key enable row level security;
alter table tenant_key force row level security;
alter table variable enable row level security;
alter table variable force row level security;
alter table secret enable row level security;
alter table secret force row level security;
alter table secret_value enable row level security;
alter table secret_value force row level security;
alter table version_secret enable row level security;
alter table version_secret force row level security;

create policy tenant_key_tenant on tenant_key to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy variable_tenant on variable to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy secret_tenant on secret to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy secret_value_tenant on secret_value to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy version_secret_tenant on version_secret to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());

create policy tenant_key_platform on tenant_key to atoll_platform using (true) with check (true);
create policy variable_platform on variable to atoll_platform using (true) with check (true);
create policy secret_platform on secret to atoll_platform using (true) with check (true);
create policy secret_value_platform on secret_value to atoll_platform using (true) with check (true);
create policy version_secret_platform on version_secret to atoll_platform using (true) with check (true);

grant select on serving_key to atoll_app;
grant select, insert on tenant_key, secret_value, version_secret to atoll_app;
grant select, insert, update, delete on variable to atoll_app;
grant select, insert, update on secret to atoll_app;
grant select, insert, update, delete
    on serving_key, tenant_key, variable, secret, secret_value, version_secret to atoll_platform;

alter table job drop constraint job_kind_known;
alter table job add constraint job_kind_known check (kind in ('compile', 'activate', 'sweep', 'reseal'));
