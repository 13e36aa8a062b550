-- The history of the registry: every revision that it ever had. Gateways look up the
-- one that they accepted last, so that a restored backup is not taken for a change.
-- These statements can be repeated, to repair a database that was restored without
-- the history.
alter table tenant_registry add column if not exists epoch bigint not null default 0; -- increases when a restored registry is accepted

create table if not exists tenant_registry_history (
    token      uuid primary key,
    revision   bigint not null,
    epoch      bigint not null,
    changed_at timestamptz not null default now()
);

create or replace function tenant_registry_note_history() returns trigger language plpgsql set search_path from current as $$
begin
    insert into tenant_registry_history (token, revision, epoch) values (new.token, new.revision, new.epoch) on conflict do nothing;
    return null;
end $$;

drop trigger if exists note_history on tenant_registry;
create trigger note_history after insert or update on tenant_registry
    for each row execute function tenant_registry_note_history();

insert into tenant_registry_history (token, revision, epoch)
    select token, revision, epoch from tenant_registry on conflict do nothing;

-- All roles may look up a revision in the history, so that a gateway needs no rights
-- besides those for the registry itself.
create or replace function tenant_registry_had(asked_revision bigint, asked_token uuid) returns boolean
    language sql stable security definer set search_path from current as $$
    select exists (select from tenant_registry_history where token = asked_token and revision = asked_revision)
$$;
grant execute on function tenant_registry_had(bigint, uuid) to public;

-- A change of the head by hand is a revision too.
create or replace function tenant_registry_before_head() returns trigger language plpgsql as $$
begin
    new.revision := old.revision + 1;
    new.token := gen_random_uuid();
    new.changed_at := now();
    return new;
end $$;

drop trigger if exists before_head on tenant_registry;
create trigger before_head before update on tenant_registry for each row
    when (new.head is distinct from old.head and new.token = old.token)
    execute function tenant_registry_before_head();
