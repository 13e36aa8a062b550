-- The log of all changes, a Merkle tree as described in package audit.
create table tenant_registry_audit (
    seq   bigint primary key,
    entry text not null
);

-- The stored hashes of the tree.
create table tenant_registry_audit_hash (
    idx  bigint primary key,
    hash bytea not null check (octet_length(hash) = 32)
);

-- The newest checkpoint. It has at most one row.
create table tenant_registry_audit_checkpoint (
    only_row boolean primary key default true check (only_row),
    note     text not null
);

-- Against accidents. The signature of the checkpoint protects against intent.
create or replace function tenant_registry_audit_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end $$;

create trigger append_only before update or delete or truncate on tenant_registry_audit
    for each statement execute function tenant_registry_audit_append_only();

create trigger append_only before update or delete or truncate on tenant_registry_audit_hash
    for each statement execute function tenant_registry_audit_append_only();
