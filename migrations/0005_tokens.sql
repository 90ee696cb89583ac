-- Access tokens: of a person, or of a tenant.

create table access_token (
    token_id uuid not null,
    kind text not null,
    -- Of a tenant's token; a personal one is good in every tenant of its owner.
    tenant_id uuid,
    -- Of a personal token.
    owner_id uuid,
    -- Of a tenant's token, while the account is there.
    created_by uuid,
    name text not null,
    -- Of a tenant's token: the role it was given.
    role text,
    scopes text[] not null,
    -- Ids of the functions it is limited to; null where it is not.
    functions uuid[],
    secret_hash bytea not null,
    hint text not null,
    -- The secret before the last rotation, which goes on working for a while.
    previous_hash bytea,
    previous_until timestamptz,
    -- Days from making or rotating it to its expiry.
    lifetime_days integer not null,
    created_at timestamptz not null,
    rotated_at timestamptz,
    expires_at timestamptz not null,
    used_at timestamptz,
    used_from inet,
    revoked_at timestamptz,
    constraint access_token_pkey primary key (token_id),
    constraint access_token_secret_unique unique (secret_hash),
    constraint access_token_previous_unique unique (previous_hash),
    constraint access_token_tenant_fkey foreign key (tenant_id) references tenant on delete cascade,
    constraint access_token_owner_fkey foreign key (owner_id) references user_account on delete cascade,
    constraint access_token_created_by_fkey foreign key (created_by) references user_account on delete set null,
    constraint access_token_kind_known check (kind in ('personal', 'tenant')),
    constraint access_token_is_somebodys check (
        (kind = 'personal' and owner_id is not null and tenant_id is null and role is null)
        or (kind = 'tenant' and owner_id is null and tenant_id is not null and role is not null)
    ),
    constraint access_token_role_known check (role in ('viewer', 'developer', 'admin', 'owner')),
    constraint access_token_hash_length check (octet_length(secret_hash) = 32),
    constraint access_token_name_length check (length(name) between 1 and 100),
    constraint access_token_previous_has_end check ((previous_hash is null) = (previous_until is null))
);
create index access_token_tenant_idx on access_token (tenant_id, token_id desc) where revoked_at is null;
create index access_token_owner_idx on access_token (owner_id, token_id desc) where revoked_at is null;
create index access_token_created_by_idx on access_token (created_by);
comment on table access_token is 'What a program presents. A revoked one stays as a row: the audit names it.';
comment on column access_token.secret_hash is 'SHA-256: the secret has 178 random bits, and a leaked database must not be a set of keys.';
comment on column access_token.hint is 'Its last four characters, by which a person tells it from others.';
comment on column access_token.used_at is 'Brought up to date at most once a minute.';

alter table access_token enable row level security;
alter table access_token force row level security;
create policy access_token_tenant on access_token to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy access_token_owner on access_token to atoll_app
    using (owner_id = nullif(current_setting('atoll.user', true), '')::uuid)
    with check (owner_id = nullif(current_setting('atoll.user', true), '')::uuid);
create policy access_token_platform on access_token to atoll_platform using (true) with check (true);
grant select, insert, update on access_token to atoll_app;
grant select, insert, update, delete on access_token to atoll_platform;

-- Whose a secret is, is known before a tenant or user is. The one way past the policies: by a hash, whose
-- preimage only the token's holder has.
create function use_access_token(hash bytea, at timestamptz, used_since timestamptz, address inet)
    returns setof access_token
    language sql volatile security definer set search_path = public
begin atomic
    update access_token
       set used_at = at, used_from = address
     where (secret_hash = hash or (previous_hash = hash and previous_until > at))
       and (used_at is null or used_at < used_since)
       and revoked_at is null and expires_at > at;
    select * from access_token
     where (secret_hash = hash or (previous_hash = hash and previous_until > at))
       and revoked_at is null and expires_at > at;
end;
-- The new owner of a function has to be allowed to make one, for a moment.
grant create on schema public to atoll_platform;
alter function use_access_token(bytea, timestamptz, timestamptz, inet) owner to atoll_platform;
revoke create on schema public from atoll_platform;
revoke execute on function use_access_token(bytea, timestamptz, timestamptz, inet) from public;
grant execute on function use_access_token(bytea, timestamptz, timestamptz, inet) to atoll_app;

-- What a token did is told as its doing, beside or in place of a person.
alter table audit_event add column token_id uuid;
comment on column audit_event.token_id is 'Not a foreign key: the event outlives the token.';
alter table version add column author_token uuid
    constraint version_author_token_fkey references access_token (token_id) on delete set null;
alter table deployment add column author_token uuid
    constraint deployment_author_token_fkey references access_token (token_id) on delete set null;
create index version_author_token_idx on version (author_token) where author_token is not null;
create index deployment_author_token_idx on deployment (author_token) where author_token is not null;
