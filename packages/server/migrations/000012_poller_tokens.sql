-- Remote pollers (M19): they have a token of an organisation and a location instead of access to the database.

-- Only the SHA-256 of a token is kept. A token that is revoked is deleted, and the pollers that use it with it.
create table poller_tokens (
  id uuid primary key,
  organisation_id uuid not null references organisations (id) on delete cascade,
  location_no smallint not null references locations on delete cascade, -- one of the organisation's own
  name text not null,
  token_hash bytea not null unique,
  created_by uuid references users (id) on delete set null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
-- The list, and how many there are.
create index poller_tokens_by_organisation on poller_tokens (organisation_id, created_at, id);

alter table pollers
  add column token_id uuid references poller_tokens on delete cascade,
  add check ((kind = 'remote') = (token_id is not null));

-- So that a remote poller is told of its organisation's deletions only. Those of before this migration, which nobody
-- remote held, have none.
alter table deleted_jobs add column organisation_id uuid;
create or replace function jobs_note_delete() returns trigger language plpgsql as $$
begin
  insert into deleted_jobs (job_no, organisation_id) values (old.job_no, old.organisation_id);
  return null;
end $$;

-- Open feeds of a token end when it is deleted.
create function poller_tokens_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('nightbell_poller_tokens', '');
  return null;
end $$;
create trigger poller_tokens_notify after delete on poller_tokens
  for each statement execute function poller_tokens_notify();
