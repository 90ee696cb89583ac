-- Where a tenant's functions answer besides their names: paths, and host names of the tenant's own.

create table domain (
    domain_id uuid not null,
    tenant_id uuid not null,
    -- As requests carry it: ASCII, lower case.
    name text not null,
    state text not null default 'pending',
    -- Why it is not verified, for people.
    problem text,
    -- The values of TXT records that the last look found in the place of the proof.
    seen text[] not null default '{}',
    -- Whether its CNAME is the tenant's host; null where nobody could tell.
    points_here boolean,
    -- Looks in a row that found no proof.
    misses integer not null default 0,
    last_checked_at timestamptz,
    -- Also what keeps two API servers from looking at the same time: who looks moves it on first.
    next_check_at timestamptz not null,
    verified_at timestamptz,
    failing_since timestamptz,
    -- The strong ETag is made of it; a look that changes no state does not count.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint domain_pkey primary key (domain_id),
    constraint domain_name_unique unique (tenant_id, name),
    constraint domain_tenant_fkey foreign key (tenant_id) references tenant (tenant_id) on delete cascade,
    constraint domain_name_is_host check (
        name ~ '^[a-z0-9-]+(\.[a-z0-9-]+)+$' and length(name) <= 236
    ),
    constraint domain_state_known check (state in ('pending', 'verified', 'failing')),
    constraint domain_failing_since check ((state = 'failing') = (failing_since is not null))
);
-- However many tenants ask for a name, one at most serves it.
create unique index domain_served_once on domain (name) where state <> 'pending';
create index domain_name_idx on domain (name);
create index domain_next_check_idx on domain (next_check_at);

alter table domain enable row level security;
alter table domain force row level security;
create policy domain_tenant on domain to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy domain_platform on domain to atoll_platform using (true) with check (true);
grant select, insert, update, delete on domain to atoll_app, atoll_platform;

create table route (
    route_id uuid not null,
    tenant_id uuid not null,
    -- One of the tenant's domains; all of its hosts if null.
    host text,
    path text not null,
    -- The path without the names of its parameters: two of one shape match the same requests.
    shape text not null,
    function_id uuid not null,
    -- Its version answers; what is live if null.
    alias text,
    -- The strong ETag is made of it.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint route_pkey primary key (route_id),
    constraint route_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    -- Neither goes while a route leads there; with the function all of them go.
    constraint route_alias_fkey foreign key (function_id, alias) references alias (function_id, name),
    constraint route_domain_fkey foreign key (tenant_id, host) references domain (tenant_id, name),
    constraint route_path_is_path check (path like '/%' and length(path) <= 256)
);
create unique index route_pattern_unique on route (tenant_id, coalesce(host, ''), shape);
create index route_function_idx on route (function_id, alias);
create index route_domain_idx on route (tenant_id, host);

alter table route enable row level security;
alter table route force row level security;
create policy route_tenant on route to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy route_platform on route to atoll_platform using (true) with check (true);
grant select, insert, update, delete on route to atoll_app, atoll_platform;
