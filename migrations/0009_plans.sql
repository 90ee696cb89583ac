-- Plans: what an operator lets a tenant use, and what it uses of it.

create table plan (
    plan_id uuid not null,
    name text not null,
    -- Of each function, of all functions together, and of what is kept: whole sets of figures. One that is absent
    -- is the release's own.
    function_limits jsonb not null default '{}',
    tenant_limits jsonb not null default '{}',
    quotas jsonb not null default '{}',
    -- The strong ETag is made of it.
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint plan_pkey primary key (plan_id),
    constraint plan_name_unique unique (name),
    constraint plan_name_is_label check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(name) <= 32)
);

-- That of every tenant that was given no other; new ones take it by the column's default.
insert into plan (plan_id, name, created_at, updated_at)
    values ('00000000-0000-7000-8000-000000000001', 'default', now(), now());

alter table tenant
    add column plan_id uuid not null default '00000000-0000-7000-8000-000000000001',
    add column suspended_reason text,
    add constraint tenant_plan_fkey foreign key (plan_id) references plan;
create index tenant_plan_idx on tenant (plan_id);
comment on column tenant.suspended_reason is 'The operator''s words. They stay when the suspension ends, until the next.';

alter table plan enable row level security;
alter table plan force row level security;
-- A tenant sees its own, and not what others have agreed on.
create policy plan_of_tenant on plan for select to atoll_app
    using (exists (select from tenant where tenant.plan_id = plan.plan_id));
create policy plan_platform on plan to atoll_platform using (true) with check (true);
grant select on plan to atoll_app;
grant select, insert, update, delete on plan to atoll_platform;

-- What a tenant has, where counting it anew would take long. Kept by triggers, so that what goes with its function
-- and what an older release writes count as well. What is few (members, tokens, aliases) is counted when asked for.
create table tenant_usage (
    tenant_id uuid not null,
    functions bigint not null default 0,
    -- Of modules that its versions and uploads name, each counted once.
    stored_bytes bigint not null default 0,
    constraint tenant_usage_pkey primary key (tenant_id),
    constraint tenant_usage_tenant_fkey foreign key (tenant_id) references tenant on delete cascade,
    constraint tenant_usage_counts check (functions >= 0 and stored_bytes >= 0)
);

create table tenant_module (
    tenant_id uuid not null,
    digest bytea not null,
    bytes bigint not null,
    -- Versions and uploads; the row goes with the last.
    uses bigint not null,
    constraint tenant_module_pkey primary key (tenant_id, digest),
    constraint tenant_module_tenant_fkey foreign key (tenant_id) references tenant on delete cascade
);

alter table tenant_usage enable row level security;
alter table tenant_usage force row level security;
alter table tenant_module enable row level security;
alter table tenant_module force row level security;
create policy tenant_usage_inside on tenant_usage for select to atoll_app using (tenant_id = current_tenant());
create policy tenant_module_inside on tenant_module for select to atoll_app using (tenant_id = current_tenant());
create policy tenant_usage_platform on tenant_usage to atoll_platform using (true) with check (true);
create policy tenant_module_platform on tenant_module to atoll_platform using (true) with check (true);
grant select on tenant_usage, tenant_module to atoll_app;
grant select, insert, update, delete on tenant_usage, tenant_module to atoll_platform;

create function begin_tenant_usage() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    insert into tenant_usage (tenant_id) values (new.tenant_id);
    return null;
end
$$;

create function count_function() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        update tenant_usage set functions = functions + 1 where tenant_id = new.tenant_id;
    else
        update tenant_usage set functions = functions - 1 where tenant_id = old.tenant_id;
    end if;
    return null;
end
$$;

create function count_module() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    claim tenant_module;
begin
    -- Always the first to be locked, so that no two wait for each other.
    perform from tenant_usage where tenant_id = coalesce(new.tenant_id, old.tenant_id) for update;
    if tg_op = 'INSERT' then
        insert into tenant_module as known (tenant_id, digest, bytes, uses)
             select new.tenant_id, module.digest, module.bytes, 1 from module where module.digest = new.digest
             on conflict (tenant_id, digest) do update set uses = known.uses + 1
          returning * into claim;
        if claim.uses = 1 then
            update tenant_usage set stored_bytes = stored_bytes + claim.bytes where tenant_id = claim.tenant_id;
        end if;
    else
        update tenant_module set uses = uses - 1
         where tenant_id = old.tenant_id and digest = old.digest
        returning * into claim;
        -- Of a tenant that goes for good the claim may have gone before.
        if claim.uses = 0 then
            delete from tenant_module where tenant_id = claim.tenant_id and digest = claim.digest;
            update tenant_usage set stored_bytes = stored_bytes - claim.bytes where tenant_id = claim.tenant_id;
        end if;
    end if;
    return null;
end
$$;

-- The new owner of a function has to be allowed to make one, for a moment.
grant create on schema public to atoll_platform;
alter function begin_tenant_usage() owner to atoll_platform;
alter function count_function() owner to atoll_platform;
alter function count_module() owner to atoll_platform;
revoke create on schema public from atoll_platform;
revoke execute on function begin_tenant_usage(), count_function(), count_module() from public;

create trigger tenant_is_counted after insert on tenant
    for each row execute function begin_tenant_usage();
create trigger function_is_counted after insert or delete on function
    for each row execute function count_function();
create trigger upload_is_counted after insert or delete on upload
    for each row execute function count_module();
create trigger version_is_counted after insert or delete on version
    for each row execute function count_module();

-- What was there before. The tables' owner is under their policies, and has none.
set local role atoll_platform;
insert into tenant_module (tenant_id, digest, bytes, uses)
    select used.tenant_id, used.digest, m.bytes, count(*)
      from (select tenant_id, digest from version union all select tenant_id, digest from upload) used
      join module m on m.digest = used.digest
     group by used.tenant_id, used.digest, m.bytes;
insert into tenant_usage (tenant_id, functions, stored_bytes)
    select t.tenant_id,
           (select count(*) from function f where f.tenant_id = t.tenant_id),
           coalesce((select sum(k.bytes) from tenant_module k where k.tenant_id = t.tenant_id), 0)
      from tenant t;
reset role;

-- What workers present to join has an id that may be told, and who made it.
alter table join_token
    add column join_token_id uuid not null default gen_random_uuid(),
    add column created_by uuid,
    add constraint join_token_id_unique unique (join_token_id),
    add constraint join_token_name_length check (length(name) between 1 and 100),
    add constraint join_token_created_by_fkey foreign key (created_by) references user_account (user_id) on delete set null;
create index join_token_created_by_idx on join_token (created_by);
comment on column join_token.join_token_id is 'Names it where its secret must not be told.';
