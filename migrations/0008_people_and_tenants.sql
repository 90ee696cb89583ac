-- How people come, and how tenants change their names and go.

-- People ---------------------------------------------------------------------------------------------------

alter table user_account add column revision bigint not null default 1;
comment on column user_account.revision is 'Counts the writes of what the person may change; the strong ETag is made of it.';

create table invitation (
    invitation_id uuid not null,
    tenant_id uuid not null,
    token_hash bytea not null,
    email text,
    role text not null,
    created_by uuid,
    created_token uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint invitation_pkey primary key (invitation_id),
    constraint invitation_token_hash_unique unique (token_hash),
    constraint invitation_tenant_fkey foreign key (tenant_id) references tenant on delete cascade,
    constraint invitation_created_by_fkey foreign key (created_by) references user_account on delete cascade,
    constraint invitation_created_token_fkey foreign key (created_token) references access_token on delete cascade,
    constraint invitation_token_hash_length check (octet_length(token_hash) = 32),
    constraint invitation_email_lower check (email = lower(email) and length(email) <= 254),
    constraint invitation_role check (role in ('billing', 'viewer', 'developer', 'admin', 'owner'))
);
create index invitation_tenant_idx on invitation (tenant_id, invitation_id desc);
create index invitation_expires_at_idx on invitation (expires_at);
create index invitation_created_by_idx on invitation (created_by);
create index invitation_created_token_idx on invitation (created_token);
comment on table invitation is 'Links that were not used yet. Using one deletes it; the audit remembers.';
comment on column invitation.email is 'The one address that it is good for; null where it is good for whoever has it.';
comment on column invitation.created_by is 'Null where a tenant''s token made it.';

alter table invitation enable row level security;
alter table invitation force row level security;
create policy invitation_tenant on invitation to atoll_app
    using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy invitation_platform on invitation to atoll_platform using (true) with check (true);
grant select, insert, delete on invitation to atoll_app, atoll_platform;

-- One whose maker could no longer make it is void: who was sent away must not have left himself a way back in.
-- Decided past the policies, which hide other people's tokens.
create function invitation_stands(invited invitation, at timestamptz) returns boolean
    language sql stable security definer set search_path = public
    return invited.expires_at > at
       and (invited.created_by is null or exists (
            select from member
             where member.tenant_id = invited.tenant_id
               and member.user_id = invited.created_by
               and (member.role = 'owner' or (member.role = 'admin' and invited.role <> 'owner'))))
       and not exists (
            select from access_token
             where access_token.token_id = invited.created_token and access_token.revoked_at is not null);

-- Whose tenant a link leads to is known before anything else is: by a hash, whose preimage only its holder has.
create function find_invitation(hash bytea, at timestamptz)
    returns table (
        invitation_id uuid, tenant_id uuid, slug text, tenant_name text, email text, role text, inviter text,
        expires_at timestamptz)
    language sql stable security definer set search_path = public
begin atomic
    select i.invitation_id, i.tenant_id, t.slug, t.name, i.email, i.role, u.name, i.expires_at
      from invitation i
      join tenant t on t.tenant_id = i.tenant_id
      left join user_account u on u.user_id = i.created_by
     where i.token_hash = hash and t.state <> 'deleted' and invitation_stands(i, at);
end;

create table registration (
    token_hash bytea not null,
    email text not null,
    name text not null,
    password_hash text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint registration_pkey primary key (token_hash),
    constraint registration_token_hash_length check (octet_length(token_hash) = 32),
    constraint registration_email_lower check (email = lower(email) and length(email) <= 254)
);
create index registration_email_idx on registration (email);
create index registration_expires_at_idx on registration (expires_at);
comment on table registration is 'Accounts that were asked for, whose address nobody has confirmed yet.';
grant select, insert, delete on registration to atoll_app, atoll_platform;

-- New accounts of one network are counted apart from its sign-ins.
alter table sign_in_attempt drop constraint sign_in_attempt_scope;
alter table sign_in_attempt add constraint sign_in_attempt_scope
    check (scope in ('account', 'account_address', 'address', 'registration'));

-- Tenants --------------------------------------------------------------------------------------------------

alter table tenant
    add column deleted_at timestamptz,
    add column deleted_from text,
    add constraint tenant_deleted_from check (deleted_from in ('active', 'suspended'));
comment on column tenant.deleted_at is 'It can be restored for a while, then its row goes. Null where an earlier release deleted it.';
comment on column tenant.deleted_from is 'The state that a restoration gives back: a deletion does not end a suspension.';

-- Every slug that was ever somebody's. It is nobody else's ever after: nobody may inherit its callers.
create table tenant_slug (
    slug text not null,
    tenant_id uuid,
    retired_at timestamptz,
    redirects_until timestamptz,
    constraint tenant_slug_pkey primary key (slug),
    constraint tenant_slug_tenant_fkey foreign key (tenant_id) references tenant on delete set null
);
create index tenant_slug_tenant_idx on tenant_slug (tenant_id) where retired_at is not null;
create index tenant_slug_redirects_idx on tenant_slug (redirects_until) where redirects_until is not null;
comment on column tenant_slug.tenant_id is 'Null once the tenant is gone for good.';
comment on column tenant_slug.retired_at is 'Null for the slug that the tenant has now.';
comment on column tenant_slug.redirects_until is 'Requests for its hosts lead to the new one. Made null by the sweep, in an epoch of its own.';

-- The table's owner is under its own policies, and has none.
set local role atoll_platform;
update tenant set deleted_at = updated_at, deleted_from = 'active' where state = 'deleted';
reset role;
grant select, insert, update, delete on tenant_slug to atoll_platform;
set local role atoll_platform;
insert into tenant_slug (slug, tenant_id) select slug, tenant_id from tenant;
reset role;

alter table tenant_slug enable row level security;
alter table tenant_slug force row level security;
create policy tenant_slug_inside on tenant_slug for select to atoll_app using (tenant_id = current_tenant());
create policy tenant_slug_of_user on tenant_slug for select to atoll_app
    using (exists (
        select from member
         where member.tenant_id = tenant_slug.tenant_id
           and member.user_id = nullif(current_setting('atoll.user', true), '')::uuid));
create policy tenant_slug_platform on tenant_slug to atoll_platform using (true) with check (true);
grant select on tenant_slug to atoll_app;

-- Whether a slug is free only this may know, for whoever asks sees no other tenant's. A tenant may go back to
-- one of its own.
create function keep_tenant_slug() returns trigger
    language plpgsql security definer set search_path = public
as $$
begin
    if tg_op = 'UPDATE' then
        if new.slug = old.slug then
            return new;
        end if;
        update tenant_slug
           set retired_at = new.updated_at, redirects_until = new.updated_at + interval '30 days'
         where slug = old.slug;
    end if;
    insert into tenant_slug as known (slug, tenant_id) values (new.slug, new.tenant_id)
        on conflict (slug) do update set retired_at = null, redirects_until = null
            where known.tenant_id = new.tenant_id;
    if not found then
        raise exception 'the slug % is another tenant''s, or was', new.slug
            using errcode = 'unique_violation', constraint = 'tenant_slug_unique';
    end if;
    return new;
end
$$;
create trigger tenant_keeps_its_slug after insert or update of slug on tenant
    for each row execute function keep_tenant_slug();

-- The new owner of a function has to be allowed to make one, for a moment.
grant create on schema public to atoll_platform;
alter function invitation_stands(invitation, timestamptz) owner to atoll_platform;
alter function find_invitation(bytea, timestamptz) owner to atoll_platform;
alter function keep_tenant_slug() owner to atoll_platform;
revoke create on schema public from atoll_platform;
revoke execute on function invitation_stands(invitation, timestamptz) from public;
revoke execute on function find_invitation(bytea, timestamptz) from public;
revoke execute on function keep_tenant_slug() from public;
grant execute on function invitation_stands(invitation, timestamptz) to atoll_app;
grant execute on function find_invitation(bytea, timestamptz) to atoll_app;
