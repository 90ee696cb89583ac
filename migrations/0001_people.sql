-- People, tenants, and who did what.
--
-- Two roles reach these tables. `atoll_app` serves requests: row-level security shows it the rows of the
-- tenant (`atoll.tenant`) and user (`atoll.user`) that its transaction names, and nothing where it names none.
-- `atoll_platform` does the platform's own work across tenants. Neither owns a table or may sign in: the
-- user of the connection URL owns everything, runs these files, and takes on one of the two.

-- Roles belong to the cluster, not to this database: another database may have made them, or be making
-- them at this moment.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['atoll_app', 'atoll_platform'] loop
        begin
            execute format('create role %I nologin', wanted);
            execute format('grant %I to current_user', wanted);
        exception when duplicate_object or unique_violation then
            if not pg_has_role(current_user, wanted, 'member') then
                execute format('grant %I to current_user', wanted);
            end if;
        end;
    end loop;
end
$$;

grant usage on schema public to atoll_app, atoll_platform;

-- People ---------------------------------------------------------------------------------------------------

create table user_account (
    user_id uuid not null,
    email text not null,
    name text not null,
    password_hash text,
    operator boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint user_account_pkey primary key (user_id),
    constraint user_account_email_unique unique (email),
    constraint user_account_email_lower check (email = lower(email) and length(email) <= 254),
    constraint user_account_name_length check (length(name) <= 200)
);
comment on table user_account is 'People who sign in. The same person may have a seat in many tenants.';
comment on column user_account.password_hash is 'Argon2id in the PHC format; null where no password was ever set.';
comment on column user_account.operator is 'Runs the platform: may do what concerns all tenants.';
grant select, insert, update on user_account to atoll_app, atoll_platform;
grant delete on user_account to atoll_platform;

create table session (
    session_id uuid not null,
    user_id uuid not null,
    secret_hash bytea not null,
    address inet,
    created_at timestamptz not null,
    used_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    constraint session_pkey primary key (session_id),
    constraint session_user_id_fkey foreign key (user_id) references user_account on delete cascade,
    constraint session_secret_hash_unique unique (secret_hash),
    constraint session_secret_hash_length check (octet_length(secret_hash) = 32)
);
create index session_user_id_idx on session (user_id);
create index session_expires_at_idx on session (expires_at);
comment on table session is 'A signed-in browser or API client. A row stays until it would have expired.';
comment on column session.secret_hash is 'SHA-256 of what the client presents: a leaked database is not a set of working cookies.';
comment on column session.address is 'Where the sign-in came from. A later sign-in from there is not slowed by failures elsewhere.';
comment on column session.used_at is 'Brought up to date at most once a minute.';
comment on column session.ended_at is 'Signed out, or ended by a new password.';
grant select, insert, update, delete on session to atoll_app, atoll_platform;

create table password_reset (
    token_hash bytea not null,
    user_id uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint password_reset_pkey primary key (token_hash),
    constraint password_reset_user_id_fkey foreign key (user_id) references user_account on delete cascade,
    constraint password_reset_token_hash_length check (octet_length(token_hash) = 32)
);
create index password_reset_user_id_idx on password_reset (user_id);
comment on table password_reset is 'Links that were mailed or printed and not used yet. Using one deletes all of its user''s.';
grant select, insert, delete on password_reset to atoll_app, atoll_platform;

create table sign_in_attempt (
    scope text not null,
    key bytea not null,
    failures integer not null,
    last_at timestamptz not null,
    constraint sign_in_attempt_pkey primary key (scope, key),
    constraint sign_in_attempt_scope check (scope in ('account', 'account_address', 'address')),
    constraint sign_in_attempt_failures check (failures >= 0)
);
create index sign_in_attempt_last_at_idx on sign_in_attempt (last_at);
comment on table sign_in_attempt is 'Failed sign-ins of late, which the next attempt has to wait for.';
comment on column sign_in_attempt.key is 'SHA-256 of the account''s or the network address, or of both: what was typed wrongly is not kept.';
comment on column sign_in_attempt.failures is 'Counted before the password is checked and taken back when it was right, so that guesses at the same moment count too.';
grant select, insert, update, delete on sign_in_attempt to atoll_app, atoll_platform;

-- Tenants --------------------------------------------------------------------------------------------------

create table tenant (
    tenant_id uuid not null,
    slug text not null,
    name text not null,
    state text not null default 'active',
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint tenant_pkey primary key (tenant_id),
    constraint tenant_slug_unique unique (slug),
    constraint tenant_slug_label check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 20),
    constraint tenant_name_length check (length(name) between 1 and 100),
    constraint tenant_state check (state in ('active', 'suspended', 'deleted'))
);
comment on table tenant is 'The owner of functions, and the border no data crosses.';
comment on column tenant.slug is 'First label of its functions'' host. Stays taken after a deletion: nobody may inherit its callers.';
comment on column tenant.revision is 'Counts the writes; the strong ETag is made of it.';

create table member (
    tenant_id uuid not null,
    user_id uuid not null,
    role text not null,
    created_at timestamptz not null,
    constraint member_pkey primary key (tenant_id, user_id),
    constraint member_tenant_id_fkey foreign key (tenant_id) references tenant on delete cascade,
    constraint member_user_id_fkey foreign key (user_id) references user_account on delete cascade,
    constraint member_role check (role in ('billing', 'viewer', 'developer', 'admin', 'owner'))
);
create index member_user_id_idx on member (user_id);
comment on table member is 'A user''s place in a tenant.';

alter table tenant enable row level security;
alter table tenant force row level security;
alter table member enable row level security;
alter table member force row level security;

grant select, insert, update on tenant to atoll_app;
create policy tenant_inside on tenant to atoll_app
    using (tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid);
create policy tenant_of_user on tenant for select to atoll_app
    using (exists (
        select from member
         where member.tenant_id = tenant.tenant_id
           and member.user_id = nullif(current_setting('atoll.user', true), '')::uuid
    ));
grant select, insert, update, delete on tenant to atoll_platform;
create policy tenant_platform on tenant to atoll_platform using (true) with check (true);

grant select, insert, update, delete on member to atoll_app;
create policy member_inside on member to atoll_app
    using (tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid);
create policy member_of_user on member for select to atoll_app
    using (user_id = nullif(current_setting('atoll.user', true), '')::uuid);
grant select, insert, update, delete on member to atoll_platform;
create policy member_platform on member to atoll_platform using (true) with check (true);

-- What happened --------------------------------------------------------------------------------------------

create table audit_event (
    audit_event_id uuid not null,
    tenant_id uuid,
    user_id uuid,
    session_id uuid,
    address inet,
    request_id text,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb,
    created_at timestamptz not null,
    constraint audit_event_pkey primary key (audit_event_id),
    constraint audit_event_tenant_id_fkey foreign key (tenant_id) references tenant on delete cascade,
    constraint audit_event_user_id_fkey foreign key (user_id) references user_account on delete set null
);
create index audit_event_tenant_id_idx on audit_event (tenant_id, audit_event_id desc);
create index audit_event_user_id_idx on audit_event (user_id);
comment on table audit_event is 'Who changed what. Written in the transaction of the change, never changed after.';
comment on column audit_event.tenant_id is 'Null for what concerns no tenant, such as a sign-in.';
comment on column audit_event.user_id is 'Null for the platform itself, and once the account is gone.';
comment on column audit_event.session_id is 'Not a foreign key: the event outlives the session.';
comment on column audit_event.action is 'Noun and verb, `function.created`.';
comment on column audit_event.subject is 'Typed id of what was changed, `fn_…`.';

alter table audit_event enable row level security;
alter table audit_event force row level security;
grant select, insert on audit_event to atoll_app;
create policy audit_event_read on audit_event for select to atoll_app
    using (tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid);
create policy audit_event_write on audit_event for insert to atoll_app
    with check (tenant_id is null or tenant_id = nullif(current_setting('atoll.tenant', true), '')::uuid);
grant select, insert, delete on audit_event to atoll_platform;
create policy audit_event_platform on audit_event to atoll_platform using (true) with check (true);

-- Tokens of the platform itself, out of the application's reach ---------------------------------------------

create table setup_token (
    token_hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint setup_token_pkey primary key (token_hash),
    constraint setup_token_token_hash_length check (octet_length(token_hash) = 32)
);
comment on table setup_token is 'The link that makes the first account. One at a time; using it deletes it.';
grant select, insert, delete on setup_token to atoll_platform;

create table join_token (
    token_hash bytea not null,
    name text not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    constraint join_token_pkey primary key (token_hash),
    constraint join_token_token_hash_length check (octet_length(token_hash) = 32)
);
comment on table join_token is 'What a worker presents to join. Reusable until revoked.';
grant select, insert, update on join_token to atoll_platform;
