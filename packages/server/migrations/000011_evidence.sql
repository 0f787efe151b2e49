-- What the locations of a job see at the moment an alert about it opens (M17). Work is rows, see platform/lease.ts: written
-- with the alert, in one transaction, and taken by the poller that measures the job at the location.

create table alert_evidence (
  id uuid primary key,
  alert_id uuid not null references alerts (id) on delete cascade,
  job_no integer not null,
  location_no smallint not null,
  state text not null default 'requested' check (state in ('requested', 'taken', 'failed', 'expired')),
  urgency smallint not null, -- of the alert's severity: the most severe first
  requested_at timestamptz not null default now(), -- in the database's time, as the leases are
  due_at timestamptz default now(), -- null: over
  lease_owner uuid,
  lease_until timestamptz,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  ended_at timestamptz,
  text text, -- what it comes to, in a sentence
  findings jsonb, -- as the API shows them
  check ((state = 'requested') = (due_at is not null)),
  check ((state = 'requested') = (ended_at is null)),
  -- An alert that opens again and again has evidence of the first time.
  unique (alert_id, location_no)
);
-- What is due at a location, the most urgent and newest first; and what is too old.
create index alert_evidence_due on alert_evidence (location_no, urgency desc, requested_at desc)
  where due_at is not null;

-- Wakes pollers early; they look anyway. Every decision about an alert makes this insert, most of them of no row.
create function alert_evidence_notify() returns trigger language plpgsql as $$
begin
  if exists (select from added) then
    perform pg_notify('nightbell_evidence', '');
  end if;
  return null;
end $$;
create trigger alert_evidence_notify after insert on alert_evidence
  referencing new table as added for each statement execute function alert_evidence_notify();
