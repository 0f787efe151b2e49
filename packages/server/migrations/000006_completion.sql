-- What follows the completion of a job: its summary is stored, then its requester is told by email (M14).

-- Work is rows, see platform/lease.ts. due_at: when it is to be done, null when there is nothing to do. lease_owner holds
-- it until lease_until, under a token that rises with every lease, as attempt does.

-- Wakes the workers early; they look anyway.
create function work_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('nightbell_work', '');
  return null;
end $$;

-- What a completed job came to. Made when it completes, filled once its last samples are in.
create table job_summaries (
  id uuid primary key references jobs (id) on delete cascade, -- the job's
  due_at timestamptz,
  lease_owner uuid,
  lease_until timestamptz,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  summary jsonb, -- as the API shows it
  series jsonb, -- a few points of the whole job, for a small chart
  check ((summary is null) = (series is null))
);
-- The work that is due, oldest first.
create index job_summaries_due on job_summaries (due_at) where due_at is not null;
create trigger job_summaries_notify after insert on job_summaries
  for each statement execute function work_notify();

alter table users add column completion_emails boolean not null default true;

-- Emails about a job, sent or not.
create table mails (
  id uuid primary key,
  job_id uuid not null references jobs (id) on delete cascade,
  kind text not null check (kind in ('job_completed')),
  recipient text not null,
  status text not null default 'waiting' check (status in ('waiting', 'sent', 'failed', 'not_sent')),
  due_at timestamptz, -- null: waits for the summary, or is over
  lease_owner uuid,
  lease_until timestamptz,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  -- Chosen at the first attempt, the same at every other, so that whoever receives it twice can tell.
  message_id text,
  last_error text,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  check (status = 'waiting' or due_at is null),
  check ((status = 'sent') = (sent_at is not null)),
  unique (job_id, kind)
);
-- The mails that are due, oldest first.
create index mails_due on mails (due_at) where due_at is not null;
