-- Accounts, jobs, the grid of each job, and samples in hour partitions.

create table organisations (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table users (
  id uuid primary key,
  email text not null unique check (email = lower(email)),
  name text not null,
  password_hash text not null,
  time_zone text not null default 'UTC',
  skills text[] not null default '{}',
  is_test_account boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table memberships (
  organisation_id uuid not null references organisations (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'responder', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (user_id, organisation_id)
);

-- The members of an organisation, in the order they joined.
create index memberships_by_organisation on memberships (organisation_id, created_at, user_id);

-- A session acts in one organisation. Only the SHA-256 of its token is kept.
create table sessions (
  id uuid primary key,
  token_hash bytea not null unique,
  user_id uuid not null,
  organisation_id uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  foreign key (user_id, organisation_id) references memberships (user_id, organisation_id) on delete cascade
);
-- "Log out everywhere" and the cascade from memberships.
create index sessions_by_user on sessions (user_id, organisation_id);
-- The hourly removal of expired sessions.
create index sessions_by_expiry on sessions (expires_at);

-- A location is where pollers measure from; samples refer to it by its small number.
create table locations (
  location_no smallint generated always as identity primary key,
  organisation_id uuid references organisations (id) on delete cascade, -- null: shared by all
  name text not null,
  unique nulls not distinct (organisation_id, name)
);
insert into locations (name) values ('default');

create table jobs (
  id uuid primary key,
  job_no integer generated always as identity unique,
  organisation_id uuid not null references organisations (id) on delete cascade,
  requester_id uuid references users (id) on delete set null,
  title text not null,
  type text not null,
  target text not null,
  options jsonb not null,
  cadence_ms integer not null check (cadence_ms between 100 and 86400000),
  duration_seconds integer check (duration_seconds > 0),
  monitoring_mode text not null check (monitoring_mode in ('real_polling', 'simulated')),
  simulation jsonb not null,
  locations text[] not null check (cardinality(locations) > 0),
  thresholds jsonb not null,
  status text not null check (status in ('pending', 'running', 'paused', 'completed', 'cancelled')),
  version integer not null default 1,
  -- The transaction that last changed the row. A poller that remembers the oldest transaction
  -- in flight at its last read misses no change, in whatever order transactions commit.
  changed_xid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  ends_at timestamptz,
  completed_at timestamptz
);
-- Job list of an organisation, newest first; and by each filter and each sort the list offers.
create index jobs_by_organisation on jobs (organisation_id, created_at, id);
create index jobs_by_status on jobs (organisation_id, status, created_at, id) include (type);
create index jobs_by_type on jobs (organisation_id, type, created_at, id) include (status);
create index jobs_by_title on jobs (organisation_id, lower(title), id) include (title);
create index jobs_by_cadence on jobs (organisation_id, cadence_ms, id);
-- A poller reads what changed since its last look.
create index jobs_by_change on jobs (changed_xid);
-- The scheduler completes jobs whose time is over.
create index jobs_ending on jobs (ends_at) where status in ('running', 'paused') and ends_at is not null;

create function jobs_note_change() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  new.updated_at := now();
  return new;
end $$;
create trigger jobs_note_change before update on jobs for each row execute function jobs_note_change();

-- Deleted jobs, for pollers that still hold them; rows older than a day are removed by the scheduler.
create table deleted_jobs (
  job_no integer primary key,
  changed_xid xid8 not null default pg_current_xact_id(),
  deleted_at timestamptz not null default now()
);
create index deleted_jobs_by_change on deleted_jobs (changed_xid);

create function jobs_note_delete() returns trigger language plpgsql as $$
begin
  insert into deleted_jobs (job_no) values (old.job_no);
  return null;
end $$;
create trigger jobs_note_delete after delete on jobs for each row execute function jobs_note_delete();

-- Wakes pollers early; they look anyway.
create function jobs_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('nightbell_jobs', '');
  return null;
end $$;
create trigger jobs_notify after insert or update or delete on jobs for each statement execute function jobs_notify();

-- What the list searches in, beside jobs because every change of a job's status would write the trigram index anew
-- (measured: 1.8 ms a row). Punctuation of addresses becomes letters, since trigrams do not span it and those of single
-- octets say little; what is found this way is compared with the real text afterwards. The pending list is kept short,
-- since every search reads it.
create extension if not exists pg_trgm;
create function searchable(text) returns text language sql immutable strict parallel safe
  return translate(lower($1), '.:/-_', 'qxzjk');
create table job_texts (
  job_no integer primary key references jobs (job_no) on delete cascade,
  organisation_id uuid not null,
  text text not null -- searchable() of title and target
);
create index job_texts_by_trigram on job_texts using gin (text gin_trgm_ops) with (gin_pending_list_limit = 1024);
-- An organisation with few jobs beside large ones.
create index job_texts_by_organisation on job_texts (organisation_id);
-- So that the planner knows frequent text from rare where it reads jobs in their order.
create statistics jobs_text on (lower(title || E'\n' || target)) from jobs;

create function jobs_note_text() returns trigger language plpgsql as $$
begin
  insert into job_texts (job_no, organisation_id, text)
  values (new.job_no, new.organisation_id, searchable(new.title || E'\n' || new.target))
  on conflict (job_no) do update set text = excluded.text;
  return null;
end $$;
create trigger jobs_note_text after insert or update of title, target on jobs
  for each row execute function jobs_note_text();

-- Answers to give again when a client repeats a creation with the same Idempotency-Key; kept for a day.
create table idempotency_keys (
  organisation_id uuid not null references organisations (id) on delete cascade,
  key text not null,
  request_hash bytea not null, -- SHA-256 of route and body
  job_ids uuid[] not null,
  expires_at timestamptz not null,
  primary key (organisation_id, key)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);

-- The grid of a job, one row for each stretch of running at one cadence (M6). Its slots are
-- from_slot, from_slot + cadence_ms, … before to_slot, in milliseconds since the epoch, and
-- slot s has the sequence number first_sequence + (s - from_slot) / cadence_ms.
-- Reads of samples compute the slots from here, so that samples need no index by job.
create table job_grids (
  job_no integer not null references jobs (job_no) on delete cascade,
  from_slot bigint not null,
  to_slot bigint check (to_slot >= from_slot), -- null: still running
  cadence_ms integer not null,
  first_sequence bigint not null,
  primary key (job_no, from_slot)
);

-- Identity is (slot, job_no, location_no), and the slot leads: inserts stay at the right edge of the one index.
create table samples (
  slot bigint not null, -- scheduled time, milliseconds since the epoch
  job_no integer not null,
  location_no smallint not null,
  status smallint not null, -- 0 success, 1 missed, 2 system_error
  rtt_us integer,
  jitter_us integer,
  lateness_us integer not null,
  sequence_number bigint not null,
  recorded_at timestamptz not null,
  error_code text,
  error text,
  phases jsonb,
  primary key (slot, job_no, location_no)
) partition by range (slot);

-- Replies that belong to no sample's result: duplicates, and replies after their timeout (M4), by the hour they came.
create table stray_replies (
  hour_slot bigint not null,
  job_no integer not null references jobs (job_no) on delete cascade,
  location_no smallint not null,
  duplicate_count integer not null default 0,
  late_count integer not null default 0,
  primary key (job_no, hour_slot, location_no)
);
