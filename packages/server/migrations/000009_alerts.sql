-- Alert rules, what they found at each job, the alerts they raised, and what suppresses alerts (M15, M16).

create table alert_rules (
  id uuid primary key,
  organisation_id uuid not null references organisations (id) on delete cascade,
  name text not null,
  selector jsonb not null,
  condition jsonb not null,
  quorum smallint, -- null: all locations of the job
  severity text not null check (severity in ('info', 'warning', 'critical')),
  is_enabled boolean not null,
  version integer not null default 1,
  -- The transaction that last changed the row: the sum over all rules tells evaluators that something changed.
  changed_xid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- The rules of an organisation, oldest first.
create index alert_rules_by_organisation on alert_rules (organisation_id, created_at, id);

create function alert_rules_note_change() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  new.updated_at := now();
  return new;
end $$;
create trigger alert_rules_note_change before update on alert_rules
  for each row execute function alert_rules_note_change();

-- Wakes evaluators early; they look anyway.
create function alert_rules_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('nightbell_alert_rules', '');
  return null;
end $$;
create trigger alert_rules_notify after insert or update or delete on alert_rules
  for each statement execute function alert_rules_notify();

-- What the evaluators last said about a rule and a job, location by location. Its lock settles who decides, and the slot
-- in it which of two statements is the newer one. Written when something changes, never per sample.
create table alert_conditions (
  rule_id uuid not null references alert_rules (id) on delete cascade,
  job_no integer not null references jobs (job_no) on delete cascade,
  locations jsonb not null default '[]', -- [{locationNo, isBad, slot, value}]
  primary key (rule_id, job_no)
);
-- The cascade from jobs, and an evaluator that takes a job over.
create index alert_conditions_by_job on alert_conditions (job_no);

create table alerts (
  id uuid primary key,
  organisation_id uuid references organisations (id) on delete cascade, -- null: about this installation
  kind text not null,
  status text not null check (status in ('open', 'suppressed', 'resolved')),
  severity text not null check (severity in ('info', 'warning', 'critical')),
  title text not null,
  rule_id uuid references alert_rules (id) on delete set null,
  rule_name text,
  job_id uuid references jobs (id) on delete set null,
  job_no integer, -- stays when the job is deleted
  job_title text,
  self_key text check ((self_key is not null) = (kind = 'self')), -- what a self alert is about
  locations jsonb not null default '[]', -- as in alert_conditions, with names
  suppression jsonb,
  started_at timestamptz not null,
  opened_at timestamptz not null,
  resolved_at timestamptz check ((resolved_at is not null) = (status = 'resolved')),
  resolution text
);
-- At most one alert of a rule and a job is not resolved; nor of what a self alert is about.
create unique index alerts_unresolved on alerts (rule_id, job_no) where status <> 'resolved';
create unique index alerts_unresolved_self on alerts (self_key) where status <> 'resolved';
-- Lists of alerts, newest first: all, those not resolved, those of a job or a rule (and the foreign keys of these).
create index alerts_by_organisation on alerts (organisation_id, opened_at, id);
create index alerts_unresolved_by_organisation on alerts (organisation_id, opened_at, id) where status <> 'resolved';
create index alerts_by_job on alerts (job_id, opened_at, id);
create index alerts_by_rule on alerts (rule_id, opened_at, id);
-- Whether a parent job is down.
create index alerts_unresolved_by_job_no on alerts (job_no) where status <> 'resolved';

create table alert_events (
  id bigint generated always as identity primary key,
  alert_id uuid not null references alerts (id) on delete cascade,
  at timestamptz not null,
  kind text not null,
  text text not null
);
-- The timeline of an alert.
create index alert_events_by_alert on alert_events (alert_id, id);
-- Live streams read what is new.
create index alert_events_by_time on alert_events (at);

create function alert_events_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('nightbell_alerts', '');
  return null;
end $$;
create trigger alert_events_notify after insert on alert_events
  for each statement execute function alert_events_notify();

create table maintenance_windows (
  id uuid primary key,
  organisation_id uuid not null references organisations (id) on delete cascade,
  name text not null,
  selector jsonb not null,
  schedule jsonb not null,
  is_enabled boolean not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- The windows of an organisation, oldest first.
create index maintenance_windows_by_organisation on maintenance_windows (organisation_id, created_at, id);

-- A job that is reached only through another one.
create table job_parents (
  job_no integer primary key references jobs (job_no) on delete cascade,
  parent_no integer not null references jobs (job_no) on delete cascade check (parent_no <> job_no)
);
-- The cascade from a parent.
create index job_parents_by_parent on job_parents (parent_no);
