-- Names for versions of a function, each with a preview host of its own.

create table alias (
    tenant_id uuid not null,
    function_id uuid not null,
    name text not null,
    version integer not null,
    -- Anybody may call its preview.
    open boolean not null default false,
    -- The strong ETag is made of it.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint alias_pkey primary key (function_id, name),
    constraint alias_function_fkey foreign key (tenant_id, function_id)
        references function (tenant_id, function_id) on delete cascade,
    constraint alias_version_fkey foreign key (function_id, version) references version (function_id, number)
        on delete cascade,
    constraint alias_name_is_label check (
        name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(name) <= 15 and name !~ '^v[1-9][0-9]*$'
    )
);
create index alias_tenant_idx on alias (tenant_id);
create index alias_version_idx on alias (function_id, version);

alter table alias enable row level security;
alter table alias force row level security;
create policy alias_tenant on alias to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy alias_platform on alias to atoll_platform using (true) with check (true);
grant select, insert, update, delete on alias to atoll_app, atoll_platform;
