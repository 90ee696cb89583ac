-- What functions ask of the data plane beyond their limits, and what workers say of their demand.

alter table function
    -- Hosts it may send requests to, as the tenant wrote them; none by default.
    add column allowed_outbound_hosts text[] not null default '{}',
    -- {"requests": 100, "idle_seconds": 30, "concurrency": 1}; absent: an instance for each invocation.
    add column reuse jsonb;

alter table node
    -- {"functions": {"fn_…": 12}, "tenants": {"ten_…": 12}}, of the last heartbeat.
    add column demand jsonb not null default '{}';

-- The position of the snapshot that lies in the object store, for workers that no API server answers.
-- Apart from serving_epoch, whose row every change of what is served waits for.
create table serving_publication (
    only_row boolean not null default true,
    generation uuid not null,
    epoch bigint not null,
    published_at timestamptz not null default now(),
    constraint serving_publication_pkey primary key (only_row),
    constraint serving_publication_is_one_row check (only_row)
);
grant select, insert, update on serving_publication to atoll_platform;
