-- What workers tell of the invocations that ended.
--
-- Nothing here refers to a function or tenant by foreign key: a batch may name what was deleted while it was
-- on its way. Readers come through the function's row, and the rest goes with its day.
--
-- Three tables are partitioned by UTC day, so that forgetting a day costs no more than dropping a table.
-- The application owns no table: the two functions below make and drop the days for `atoll_platform`.

-- Resends count once. Written in the transaction of what the batch tells.
create table telemetry_batch (
    -- A worker's process.
    source uuid not null,
    -- Counts within the source.
    sequence bigint not null,
    node_id uuid not null,
    -- What the worker had no room for, and what was refused here: where counters and records disagree, this is why.
    invocations_dropped bigint not null,
    lines_dropped bigint not null,
    rows_refused bigint not null,
    received_at timestamptz not null,
    constraint telemetry_batch_pkey primary key (source, sequence)
);
create index telemetry_batch_received_idx on telemetry_batch (received_at);

-- The last invocations, as far as workers had room for them.
create table invocation (
    tenant_id uuid not null,
    function_id uuid not null,
    request_id uuid not null,
    -- Null where a call was refused before a version was chosen.
    version integer,
    started_at timestamptz not null,
    -- `responded`, `caller_gone`, or the code of a failure.
    outcome text not null,
    -- Whose affair a failure is: `caller`, `guest`, `platform`; empty for `responded`.
    party text not null,
    detail text not null,
    -- Null where the caller was gone before it was told one.
    status smallint,
    method text not null,
    path text not null,
    queued_us bigint not null,
    wall_us bigint not null,
    cpu_us bigint not null,
    peak_memory_bytes bigint not null,
    request_bytes bigint not null,
    response_bytes bigint not null,
    outbound_requests integer not null,
    cold boolean not null,
    constraint invocation_pkey primary key (tenant_id, function_id, started_at, request_id)
) partition by range (started_at);
create index invocation_request_idx on invocation (request_id);
-- The few that are looked for among the many that went well.
create index invocation_failed_idx on invocation (tenant_id, function_id, outcome, started_at, request_id)
    where outcome <> 'responded';

create table log_line (
    tenant_id uuid not null,
    function_id uuid not null,
    request_id uuid not null,
    -- Counts the lines of an invocation.
    number integer not null,
    version integer not null,
    at timestamptz not null,
    stream text not null,
    level text not null,
    text text not null,
    constraint log_line_pkey primary key (tenant_id, function_id, at, request_id, number),
    constraint log_line_stream_known check (stream in ('stdout', 'stderr', 'log', 'platform'))
) partition by range (at);
create index log_line_request_idx on log_line (request_id, number);

-- Exact: every invocation is in here once, whether there was room for its record or not.
create table invocation_minute (
    tenant_id uuid not null,
    function_id uuid not null,
    -- 0 where a call was refused before a version was chosen.
    version integer not null,
    minute timestamptz not null,
    outcome text not null,
    -- The HTTP status told, in hundreds; 0 where none was.
    status_class smallint not null,
    invocations bigint not null,
    cpu_us bigint not null,
    wall_us bigint not null,
    request_bytes bigint not null,
    response_bytes bigint not null,
    outbound_requests bigint not null,
    -- The highest of them, not their sum.
    peak_memory_bytes bigint not null,
    -- How many took how long; the bounds are the platform's, the last is open.
    wall_buckets bigint[] not null,
    constraint invocation_minute_pkey
        primary key (tenant_id, function_id, minute, version, outcome, status_class)
) partition by range (minute);

create function add_buckets(a bigint[], b bigint[]) returns bigint[] language sql immutable strict
    return (select array_agg(coalesce(x, 0) + coalesce(y, 0) order by position)
              from unnest(a, b) with ordinality as pair (x, y, position));

-- Days -----------------------------------------------------------------------------------------------------

-- Costs three look-ups where the day is there. A new day is made beside its table and attached to it, for which
-- readers and writers of the other days need not stop.
create function telemetry_add_day(day date) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp
as $$
declare
    parent text;
    child text;
begin
    foreach parent in array array['invocation', 'log_line', 'invocation_minute'] loop
        child := parent || to_char(day, '_YYYYMMDD');
        continue when exists (select from pg_class
                               where relname = child and relnamespace = 'public'::regnamespace);
        -- One at a time; whoever waited finds it there.
        perform pg_advisory_xact_lock(7081916);
        continue when exists (select from pg_class
                               where relname = child and relnamespace = 'public'::regnamespace);
        execute format('create table public.%I (like public.%I including all)', child, parent);
        -- Reached through its parent alone, whose policies then hold: a day has no grant and no policy.
        execute format('alter table public.%I enable row level security', child);
        execute format('alter table public.%I force row level security', child);
        execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)',
                       parent, child, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end loop;
end
$$;

-- Drops the oldest day before `before` and tells which, or null where there is none. One at a time, so that no
-- transaction waits for two tables; and it gives up rather than letting everybody queue behind it.
create function telemetry_drop_day(parent text, before date) returns date
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '3s'
as $$
declare
    oldest record;
begin
    if parent not in ('invocation', 'log_line', 'invocation_minute') then
        raise exception '% is not kept by days', parent;
    end if;
    select c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') as day into oldest
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
     where i.inhparent = format('public.%I', parent)::regclass
       and to_date(right(c.relname, 8), 'YYYYMMDD') < before
     order by day
     limit 1;
    if oldest is null then
        return null;
    end if;
    execute format('drop table public.%I', oldest.relname);
    return oldest.day;
end
$$;

revoke execute on function telemetry_add_day(date), telemetry_drop_day(text, date) from public;
grant execute on function telemetry_add_day(date), telemetry_drop_day(text, date) to atoll_platform;

-- Who sees what --------------------------------------------------------------------------------------------

alter table invocation enable row level security;
alter table invocation force row level security;
alter table log_line enable row level security;
alter table log_line force row level security;
alter table invocation_minute enable row level security;
alter table invocation_minute force row level security;

create policy invocation_tenant on invocation for select to atoll_app using (tenant_id = current_tenant());
create policy log_line_tenant on log_line for select to atoll_app using (tenant_id = current_tenant());
create policy invocation_minute_tenant on invocation_minute for select to atoll_app
    using (tenant_id = current_tenant());
create policy invocation_platform on invocation to atoll_platform using (true) with check (true);
create policy log_line_platform on log_line to atoll_platform using (true) with check (true);
create policy invocation_minute_platform on invocation_minute to atoll_platform using (true) with check (true);

grant select on invocation, log_line, invocation_minute to atoll_app;
grant select, insert, update, delete on telemetry_batch, invocation, log_line, invocation_minute to atoll_platform;
