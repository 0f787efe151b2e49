-- Heartbeats (M2): the address that a target calls, and its last call.

create table heartbeats (
  job_no integer primary key references jobs (job_no) on delete cascade,
  token_hash bytea not null unique, -- SHA-256
  token_created_at timestamptz not null,
  -- The newest beat, in the database's time; null before the first.
  last_at timestamptz,
  last_kind text check (last_kind in ('ok', 'fail')),
  last_duration_ms double precision,
  last_message text,
  check ((last_at is null) = (last_kind is null))
) with (fillfactor = 50); -- a beat writes a row anew in place
