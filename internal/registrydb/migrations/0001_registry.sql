-- The registry as a whole. It has one row.
create table tenant_registry (
    only_row   boolean primary key default true check (only_row),
    id         uuid not null default gen_random_uuid(), -- identifies the registry
    schema     integer not null,                        -- the number of the last migration
    revision   bigint not null default 1,               -- increases with every change
    token      uuid not null default gen_random_uuid(), -- new after every change
    tenants    bigint not null default 0,               -- number of rows of the other table
    head       text not null,                           -- the text before the first tenant of the file
    changed_at timestamptz not null default now()
);

-- One row per tenant: its lines of a registry file.
create table tenant_registry_tenants (
    id         text primary key,
    position   bigint not null,
    document   text not null check (octet_length(document) <= 4194304),
    sha256     bytea not null, -- of the document in UTF-8, by the trigger
    changed_at timestamptz not null default now()
);

create function tenant_registry_before_row() returns trigger language plpgsql set search_path from current as $$
begin
    new.sha256 := sha256(convert_to(new.document, 'UTF8'));
    new.changed_at := now();
    return new;
end $$;

create trigger before_row before insert or update on tenant_registry_tenants
    for each row execute function tenant_registry_before_row();

create function tenant_registry_after_change() returns trigger language plpgsql set search_path from current as $$
begin
    -- The lock first: rows of a transaction that committed meanwhile are counted only by a statement begun after it.
    perform 1 from tenant_registry for update;
    update tenant_registry set revision = revision + 1, token = gen_random_uuid(), changed_at = now(),
        tenants = (select count(*) from tenant_registry_tenants);
    return null;
end $$;

create trigger after_change after insert or update or delete or truncate on tenant_registry_tenants
    for each statement execute function tenant_registry_after_change();

create function tenant_registry_notify() returns trigger language plpgsql set search_path from current as $$
begin
    perform pg_notify('tenant_registry', new.revision::text);
    return null;
end $$;

create trigger notify_change after insert or update on tenant_registry
    for each row execute function tenant_registry_notify();
