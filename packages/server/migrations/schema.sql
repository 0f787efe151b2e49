-- What all migrations add up to, for reading; `npm run schema` writes it and a test compares it.

create extension pg_trgm;

CREATE OR REPLACE FUNCTION public.alert_events_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('nightbell_alerts', '');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.alert_evidence_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from added) then
    perform pg_notify('nightbell_evidence', '');
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.alert_rules_note_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.changed_xid := pg_current_xact_id();
  new.updated_at := now();
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.alert_rules_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('nightbell_alert_rules', '');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.create_job_rollups(job_id uuid, bucket_minutes integer DEFAULT 5)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
declare
  job integer := (select job_no from jobs where id = job_id);
  hour bigint;
  days bigint[] := '{}';
  written bigint := 0;
begin
  if bucket_minutes is null or bucket_minutes not in (5, 60, 1440) then
    raise exception 'bucket_minutes must be 5, 60 or 1440, not %', bucket_minutes;
  end if;
  if job is null then
    raise exception 'there is no job %', job_id;
  end if;
  -- Holds back the end of packing, after which `samples` is not what counts.
  perform pg_advisory_xact_lock_shared(1852796005);
  for hour in
    select distinct hours.hour
    from job_grids as grid
    cross join lateral (
      select extract(epoch from (overlay(right(relname, 10) placing ' ' from 9 for 0) || ':00')::timestamp)::bigint * 1000 as hour
      from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'samples'::regclass
    ) as hours
    where grid.job_no = job and hours.hour + 3600000 > grid.from_slot
      and hours.hour < coalesce(grid.to_slot, 9007199254740991)
      and not exists (select from sample_hours where hour_slot = hours.hour and state = 'chunked')
    order by hours.hour
  loop
    perform ensure_rollup_partitions(hour);
    if bucket_minutes < 1440 or not exists (select from rollups_1h where job_no = job and from_slot = hour) then
      written := written + write_rollups(hour, job, bucket_minutes = 5);
    end if;
    days := days || (hour / 86400000 * 86400000);
  end loop;
  select written + coalesce(sum(write_day_rollups(day, array[job])), 0) into written
  from (select distinct unnest(days) as day) as distinct_days;
  return written;
end $function$;

CREATE OR REPLACE FUNCTION public.ensure_rollup_partitions(slot bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  utc timestamp := to_timestamp(slot / 1000) at time zone 'UTC';
  parent text;
  unit text;
  digits text;
  partition text;
  first timestamp;
begin
  for parent, unit, digits in
    values ('rollups_5m', 'day', 'YYYYMMDD'), ('rollups_1h', 'month', 'YYYYMM'), ('rollups_1d', 'year', 'YYYY')
  loop
    first := date_trunc(unit, utc);
    partition := parent || '_' || to_char(first, digits);
    continue when to_regclass(partition) is not null;
    perform set_config('lock_timeout', '5s', true), pg_advisory_xact_lock(1851945580);
    continue when to_regclass(partition) is not null;
    -- Attaching lets reads and writes of the others go on.
    execute format('create table %I (like %I including all) with (toast_tuple_target = 256)', partition, parent);
    execute format('alter table %I attach partition %I for values from (%s) to (%s)', parent, partition,
      extract(epoch from first)::bigint * 1000, extract(epoch from first + ('1 ' || unit)::interval)::bigint * 1000);
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION public.job_bucket(job_no integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (((((job_no)::bigint * '2654435761'::bigint) >> 19) & (8191)::bigint))::integer;

CREATE OR REPLACE FUNCTION public.jobs_note_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.changed_xid := pg_current_xact_id();
  new.updated_at := now();
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.jobs_note_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into deleted_jobs (job_no, organisation_id) values (old.job_no, old.organisation_id);
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.jobs_note_end()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into ended_jobs (job_no) values (new.job_no) on conflict do nothing;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.jobs_note_text()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into job_texts (job_no, organisation_id, text)
  values (new.job_no, new.organisation_id, searchable(new.title || E'\n_' || new.target))
  on conflict (job_no) do update set text = excluded.text;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.jobs_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('nightbell_jobs', '');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.poller_tokens_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('nightbell_poller_tokens', '');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.rollup_block(number bigint, samples numeric, missed numeric, system_errors numeric, rtt_count numeric, rtt_sum double precision, rtt_squares double precision, rtt_min integer, rtt_max integer, jitter_count numeric, jitter_sum double precision, jitter_max integer, histogram integer[])
 RETURNS integer[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (ARRAY[(number)::integer, (samples)::integer, (missed)::integer, (system_errors)::integer, (COALESCE(round((rtt_sum / (NULLIF(rtt_count, (0)::numeric))::double precision)), (0)::double precision))::integer, (COALESCE(round(sqrt(GREATEST(((rtt_squares / (NULLIF(rtt_count, (0)::numeric))::double precision) - ((rtt_sum / (NULLIF(rtt_count, (0)::numeric))::double precision) ^ (2)::double precision)), (0)::double precision))), (0)::double precision))::integer, COALESCE(rtt_min, 0), COALESCE(rtt_max, 0), (jitter_count)::integer, (COALESCE(round((jitter_sum / (NULLIF(jitter_count, (0)::numeric))::double precision)), (0)::double precision))::integer, COALESCE(jitter_max, 0), COALESCE(cardinality(histogram), 0)] || COALESCE(histogram, '{}'::integer[]));

CREATE OR REPLACE FUNCTION public.rtt_key(rtt_us integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (rtt_us < 1) THEN 0 ELSE (1 + (ceil((ln((rtt_us)::double precision) / ln((1.02)::double precision))))::integer) END;

CREATE OR REPLACE FUNCTION public.searchable(text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN translate(lower($1), '.:/-_'::text, 'qxzjk'::text);

CREATE OR REPLACE FUNCTION public.work_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('nightbell_work', '');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.write_day_rollups(day bigint, of_jobs integer[] DEFAULT NULL::integer[])
 RETURNS bigint
 LANGUAGE sql
AS $function$
  with hours as materialized (
    select job_no, location_no, buckets as block,
      (select sum(entry & 1048575) from unnest(buckets[13:]) as entry) as rtt_count
    from rollups_1h
    where from_slot >= day and from_slot < day + 86400000 and (of_jobs is null or job_no = any (of_jobs))
  ), keys as (
    select job_no, location_no, entry >> 20 as key, sum(entry & 1048575) as count
    from hours, unnest(block[13:]) as entry
    group by job_no, location_no, key
  ), histograms as (
    select job_no, location_no, array_agg((key << 20) + count::integer order by key) as histogram
    from keys group by job_no, location_no
  ), sums as (
    select job_no, location_no, sum(block[2]) as samples, sum(block[3]) as missed, sum(block[4]) as system_errors,
      sum(rtt_count) as rtt_count, sum(rtt_count * block[5]::float8) as rtt_sum,
      sum(rtt_count * (block[5]::float8 ^ 2 + block[6]::float8 ^ 2)) as rtt_squares,
      min(block[7]) filter (where rtt_count > 0) as rtt_min, max(block[8]) as rtt_max,
      sum(block[9]) as jitters, sum(block[9] * block[10]::float8) as jitter_sum, max(block[11]) as jitter_max
    from hours group by job_no, location_no
  ), written as (
    insert into rollups_1d (from_slot, job_no, location_no, buckets)
    select day, job_no, location_no, rollup_block(
      0, samples, missed, system_errors, rtt_count, rtt_sum, rtt_squares, rtt_min, rtt_max, jitters, jitter_sum,
      jitter_max, histogram)
    from sums left join histograms using (job_no, location_no)
    on conflict (job_no, from_slot, location_no) do update set buckets = excluded.buckets
    returning 1
  )
  select count(*) from written
$function$;

CREATE OR REPLACE FUNCTION public.write_rollups(hour bigint, of_job integer DEFAULT NULL::integer, with_5m boolean DEFAULT true)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
declare
  source text := format('slot >= %s and slot < %s', hour, hour + 3600000);
  block text := $sql$
    sum(samples), coalesce(sum(samples) filter (where status = 1), 0), coalesce(sum(samples) filter (where status = 2), 0),
    sum(samples) filter (where key is not null), sum(rtt_sum) filter (where key is not null),
    sum(rtt_squares) filter (where key is not null), min(rtt_min) filter (where key is not null),
    max(rtt_max) filter (where key is not null), sum(jitters), sum(jitter_sum), max(jitter_max),
    array_agg((key << 20) + samples::integer order by key) filter (where key is not null)$sql$;
  written bigint;
begin
  if of_job is not null then
    -- There is no index by job: its slots are looked up one by one.
    source := source || format($sql$
      and job_no = %1$s and slot = any (array(
        select generate_series(
          from_slot + (greatest(%2$s - from_slot, 0) + cadence_ms - 1) / cadence_ms * cadence_ms,
          least(coalesce(to_slot, %3$s), %3$s) - 1, cadence_ms)
        from job_grids where job_no = %1$s))$sql$, of_job, hour, hour + 3600000);
  end if;
  execute format($sql$
    with cells as materialized (
      select job_no, location_no, slot / 300000 as bucket, status, case when status = 0 then rtt_key(rtt_us) end as key,
        count(*) as samples, sum(rtt_us::float8) as rtt_sum, sum(rtt_us::float8 ^ 2) as rtt_squares,
        min(rtt_us) as rtt_min, max(rtt_us) as rtt_max,
        count(jitter_us) as jitters, sum(jitter_us::float8) as jitter_sum, max(jitter_us) as jitter_max
      from samples
      where %1$s and exists (select from jobs where jobs.job_no = samples.job_no)
      group by job_no, location_no, bucket, status, key
    ), hour_cells as (
      select job_no, location_no, status, key, sum(samples) as samples, sum(rtt_sum) as rtt_sum,
        sum(rtt_squares) as rtt_squares, min(rtt_min) as rtt_min, max(rtt_max) as rtt_max,
        sum(jitters) as jitters, sum(jitter_sum) as jitter_sum, max(jitter_max) as jitter_max
      from cells group by job_no, location_no, status, key
    ), rows_5m as (
      insert into rollups_5m (from_slot, job_no, location_no, buckets)
      select %3$s, job_no, location_no, array_agg(value order by bucket, place)
      from (
        select job_no, location_no, bucket, rollup_block(bucket %% 12, %2$s) as block
        from cells where %4$L group by job_no, location_no, bucket
      ) as blocks, unnest(block) with ordinality as part (value, place)
      group by job_no, location_no
      on conflict (job_no, from_slot, location_no) do update set buckets = excluded.buckets
      returning 1
    ), rows_1h as (
      insert into rollups_1h (from_slot, job_no, location_no, buckets)
      select %3$s, job_no, location_no, rollup_block(0, %2$s)
      from hour_cells group by job_no, location_no
      on conflict (job_no, from_slot, location_no) do update set buckets = excluded.buckets
      returning 1
    )
    select (select count(*) from rows_5m) + (select count(*) from rows_1h)$sql$,
    source, block, hour, with_5m) into written;
  return written;
end $function$;

create table alert_conditions (
  rule_id uuid not null,
  job_no integer not null,
  locations jsonb not null default '[]'::jsonb,
  constraint alert_conditions_pkey PRIMARY KEY (rule_id, job_no),
  constraint alert_conditions_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE,
  constraint alert_conditions_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES alert_rules(id) ON DELETE CASCADE
);

create table alert_events (
  id bigint not null generated always as identity,
  alert_id uuid not null,
  at timestamp with time zone not null,
  kind text not null,
  text text not null,
  constraint alert_events_pkey PRIMARY KEY (id),
  constraint alert_events_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts(id) ON DELETE CASCADE
);

create table alert_evidence (
  id uuid not null,
  alert_id uuid not null,
  job_no integer not null,
  location_no smallint not null,
  state text not null default 'requested'::text,
  urgency smallint not null,
  requested_at timestamp with time zone not null default now(),
  due_at timestamp with time zone default now(),
  lease_owner uuid,
  lease_until timestamp with time zone,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  ended_at timestamp with time zone,
  text text,
  findings jsonb,
  constraint alert_evidence_alert_id_location_no_key UNIQUE (alert_id, location_no),
  constraint alert_evidence_pkey PRIMARY KEY (id),
  constraint alert_evidence_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts(id) ON DELETE CASCADE,
  constraint alert_evidence_check CHECK (((state = 'requested'::text) = (due_at IS NOT NULL))),
  constraint alert_evidence_check1 CHECK (((state = 'requested'::text) = (ended_at IS NULL))),
  constraint alert_evidence_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'taken'::text, 'failed'::text, 'expired'::text])))
);

create table alert_rules (
  id uuid not null,
  organisation_id uuid not null,
  name text not null,
  selector jsonb not null,
  condition jsonb not null,
  quorum smallint,
  severity text not null,
  is_enabled boolean not null,
  version integer not null default 1,
  changed_xid xid8 not null default pg_current_xact_id(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint alert_rules_pkey PRIMARY KEY (id),
  constraint alert_rules_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE,
  constraint alert_rules_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text])))
);

create table alerts (
  id uuid not null,
  organisation_id uuid,
  kind text not null,
  status text not null,
  severity text not null,
  title text not null,
  rule_id uuid,
  rule_name text,
  job_id uuid,
  job_no integer,
  job_title text,
  self_key text,
  locations jsonb not null default '[]'::jsonb,
  suppression jsonb,
  started_at timestamp with time zone not null,
  opened_at timestamp with time zone not null,
  resolved_at timestamp with time zone,
  resolution text,
  constraint alerts_pkey PRIMARY KEY (id),
  constraint alerts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE SET NULL,
  constraint alerts_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE,
  constraint alerts_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES alert_rules(id) ON DELETE SET NULL,
  constraint alerts_check CHECK (((self_key IS NOT NULL) = (kind = 'self'::text))),
  constraint alerts_check1 CHECK (((resolved_at IS NOT NULL) = (status = 'resolved'::text))),
  constraint alerts_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  constraint alerts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'suppressed'::text, 'resolved'::text])))
);

create table api_keys (
  id uuid not null,
  organisation_id uuid not null,
  user_id uuid not null,
  name text not null,
  role text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  constraint api_keys_token_hash_key UNIQUE (token_hash),
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_user_id_organisation_id_fkey FOREIGN KEY (user_id, organisation_id) REFERENCES memberships(user_id, organisation_id) ON DELETE CASCADE,
  constraint api_keys_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'responder'::text, 'viewer'::text])))
);

create table deleted_jobs (
  job_no integer not null,
  changed_xid xid8 not null default pg_current_xact_id(),
  deleted_at timestamp with time zone not null default now(),
  organisation_id uuid,
  constraint deleted_jobs_pkey PRIMARY KEY (job_no)
);

create table ended_jobs (
  job_no integer not null,
  ended_at timestamp with time zone not null default now(),
  constraint ended_jobs_pkey PRIMARY KEY (job_no),
  constraint ended_jobs_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE
);

create table heartbeats (
  job_no integer not null,
  token_hash bytea not null,
  token_created_at timestamp with time zone not null,
  last_at timestamp with time zone,
  last_kind text,
  last_duration_ms double precision,
  last_message text,
  constraint heartbeats_token_hash_key UNIQUE (token_hash),
  constraint heartbeats_pkey PRIMARY KEY (job_no),
  constraint heartbeats_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE,
  constraint heartbeats_check CHECK (((last_at IS NULL) = (last_kind IS NULL))),
  constraint heartbeats_last_kind_check CHECK ((last_kind = ANY (ARRAY['ok'::text, 'fail'::text])))
) with (fillfactor=50);

create table idempotency_keys (
  organisation_id uuid not null,
  key text not null,
  request_hash bytea not null,
  job_ids uuid[] not null,
  expires_at timestamp with time zone not null,
  constraint idempotency_keys_pkey PRIMARY KEY (organisation_id, key),
  constraint idempotency_keys_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
);

create table interim_chunks (
  first_slot bigint not null,
  last_slot bigint not null,
  first_sequence bigint not null,
  rtt_sum_us bigint not null,
  job_no integer not null,
  step_ms integer not null,
  rtt_min_us integer,
  rtt_max_us integer,
  location_no smallint not null,
  sample_count smallint not null,
  missed_count smallint not null,
  system_error_count smallint not null,
  measures bytea not null,
  details bytea not null,
  phases bytea,
  constraint interim_chunks_pkey PRIMARY KEY (job_no, location_no, first_slot)
);

create table job_grids (
  job_no integer not null,
  from_slot bigint not null,
  to_slot bigint,
  cadence_ms integer not null,
  first_sequence bigint not null,
  location_count smallint not null,
  constraint job_grids_pkey PRIMARY KEY (job_no, from_slot),
  constraint job_grids_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE,
  constraint job_grids_check CHECK ((to_slot >= from_slot)),
  constraint job_grids_location_count_check CHECK ((location_count > 0))
);

create table job_parents (
  job_no integer not null,
  parent_no integer not null,
  constraint job_parents_pkey PRIMARY KEY (job_no),
  constraint job_parents_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE,
  constraint job_parents_parent_no_fkey FOREIGN KEY (parent_no) REFERENCES jobs(job_no) ON DELETE CASCADE,
  constraint job_parents_check CHECK ((parent_no <> job_no))
);

create table job_summaries (
  id uuid not null,
  due_at timestamp with time zone,
  lease_owner uuid,
  lease_until timestamp with time zone,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  summary jsonb,
  series jsonb,
  constraint job_summaries_pkey PRIMARY KEY (id),
  constraint job_summaries_id_fkey FOREIGN KEY (id) REFERENCES jobs(id) ON DELETE CASCADE,
  constraint job_summaries_check CHECK (((summary IS NULL) = (series IS NULL)))
);

create table job_texts (
  job_no integer not null,
  organisation_id uuid not null,
  text text not null,
  constraint job_texts_pkey PRIMARY KEY (job_no),
  constraint job_texts_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE
);

create table jobs (
  id uuid not null,
  job_no integer not null generated always as identity,
  organisation_id uuid not null,
  requester_id uuid,
  title text not null,
  type text not null,
  target text not null,
  options jsonb not null,
  cadence_ms integer not null,
  duration_seconds integer,
  monitoring_mode text not null,
  simulation jsonb not null,
  locations text[] not null,
  thresholds jsonb not null,
  status text not null,
  version integer not null default 1,
  changed_xid xid8 not null default pg_current_xact_id(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  ends_at timestamp with time zone,
  completed_at timestamp with time zone,
  key text,
  managed_by text,
  constraint jobs_job_no_key UNIQUE (job_no),
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE,
  constraint jobs_requester_id_fkey FOREIGN KEY (requester_id) REFERENCES users(id) ON DELETE SET NULL,
  constraint jobs_cadence_ms_check CHECK (((cadence_ms >= 100) AND (cadence_ms <= 86400000))),
  constraint jobs_duration_seconds_check CHECK ((duration_seconds > 0)),
  constraint jobs_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200))),
  constraint jobs_locations_check CHECK ((cardinality(locations) > 0)),
  constraint jobs_managed_by_check CHECK (((length(managed_by) >= 1) AND (length(managed_by) <= 50))),
  constraint jobs_monitoring_mode_check CHECK ((monitoring_mode = ANY (ARRAY['real_polling'::text, 'simulated'::text]))),
  constraint jobs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'paused'::text, 'completed'::text, 'cancelled'::text])))
);

create table late_samples (
  slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  status smallint not null,
  rtt_us integer,
  jitter_us integer,
  lateness_us integer not null,
  sequence_number bigint not null,
  recorded_at timestamp with time zone not null,
  error_code text,
  error text,
  phases jsonb,
  constraint late_samples_pkey PRIMARY KEY (slot, job_no, location_no)
);

create table locations (
  location_no smallint not null generated always as identity,
  organisation_id uuid,
  name text not null,
  constraint locations_organisation_id_name_key UNIQUE NULLS NOT DISTINCT (organisation_id, name),
  constraint locations_pkey PRIMARY KEY (location_no),
  constraint locations_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
);

create table mails (
  id uuid not null,
  job_id uuid not null,
  kind text not null,
  recipient text not null,
  status text not null default 'waiting'::text,
  due_at timestamp with time zone,
  lease_owner uuid,
  lease_until timestamp with time zone,
  fencing_token bigint not null default 0,
  attempt integer not null default 0,
  message_id text,
  last_error text,
  created_at timestamp with time zone not null default now(),
  sent_at timestamp with time zone,
  constraint mails_job_id_kind_key UNIQUE (job_id, kind),
  constraint mails_pkey PRIMARY KEY (id),
  constraint mails_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE,
  constraint mails_check CHECK (((status = 'waiting'::text) OR (due_at IS NULL))),
  constraint mails_check1 CHECK (((status = 'sent'::text) = (sent_at IS NOT NULL))),
  constraint mails_kind_check CHECK ((kind = 'job_completed'::text)),
  constraint mails_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text, 'not_sent'::text])))
);

create table maintenance_windows (
  id uuid not null,
  organisation_id uuid not null,
  name text not null,
  selector jsonb not null,
  schedule jsonb not null,
  is_enabled boolean not null,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint maintenance_windows_pkey PRIMARY KEY (id),
  constraint maintenance_windows_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
);

create table memberships (
  organisation_id uuid not null,
  user_id uuid not null,
  role text not null,
  created_at timestamp with time zone not null default now(),
  constraint memberships_pkey PRIMARY KEY (user_id, organisation_id),
  constraint memberships_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE,
  constraint memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  constraint memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'responder'::text, 'viewer'::text])))
);

create table organisations (
  id uuid not null,
  name text not null,
  created_at timestamp with time zone not null default now(),
  constraint organisations_pkey PRIMARY KEY (id)
);

create table poller_tokens (
  id uuid not null,
  organisation_id uuid not null,
  location_no smallint not null,
  name text not null,
  token_hash bytea not null,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone,
  constraint poller_tokens_token_hash_key UNIQUE (token_hash),
  constraint poller_tokens_pkey PRIMARY KEY (id),
  constraint poller_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL,
  constraint poller_tokens_location_no_fkey FOREIGN KEY (location_no) REFERENCES locations(location_no) ON DELETE CASCADE,
  constraint poller_tokens_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
);

create table pollers (
  id uuid not null,
  location_no smallint not null,
  name text not null,
  kind text not null,
  state text not null,
  lease_until timestamp with time zone not null,
  started_at timestamp with time zone not null default now(),
  died_at timestamp with time zone,
  buckets bytea,
  replica_count integer,
  replica_id integer,
  stats jsonb not null,
  token_id uuid,
  constraint pollers_pkey PRIMARY KEY (id),
  constraint pollers_location_no_fkey FOREIGN KEY (location_no) REFERENCES locations(location_no) ON DELETE CASCADE,
  constraint pollers_token_id_fkey FOREIGN KEY (token_id) REFERENCES poller_tokens(id) ON DELETE CASCADE,
  constraint pollers_buckets_check CHECK ((length(buckets) = 1024)),
  constraint pollers_check CHECK (((state = 'dead'::text) = (died_at IS NOT NULL))),
  constraint pollers_check1 CHECK (((buckets IS NULL) = ((replica_count IS NOT NULL) AND (replica_id IS NOT NULL)))),
  constraint pollers_check2 CHECK (((kind = 'remote'::text) = (token_id IS NOT NULL))),
  constraint pollers_kind_check CHECK ((kind = ANY (ARRAY['local'::text, 'remote'::text]))),
  constraint pollers_state_check CHECK ((state = ANY (ARRAY['joining'::text, 'active'::text, 'leaving'::text, 'dead'::text])))
) with (fillfactor=50);

create table rollup_days (
  day_slot bigint not null,
  is_due boolean not null default true,
  is_built boolean not null default false,
  constraint rollup_days_pkey PRIMARY KEY (day_slot)
);

create table rollup_hours (
  hour_slot bigint not null,
  version integer not null default 0,
  built_version integer,
  constraint rollup_hours_pkey PRIMARY KEY (hour_slot)
);

create table rollups_1d (
  from_slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  buckets integer[] not null,
  constraint rollups_1d_pkey PRIMARY KEY (job_no, from_slot, location_no)
) partition by RANGE (from_slot);

create table rollups_1h (
  from_slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  buckets integer[] not null,
  constraint rollups_1h_pkey PRIMARY KEY (job_no, from_slot, location_no)
) partition by RANGE (from_slot);

create table rollups_5m (
  from_slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  buckets integer[] not null,
  constraint rollups_5m_pkey PRIMARY KEY (job_no, from_slot, location_no)
) partition by RANGE (from_slot);

create table sample_chunks (
  first_slot bigint not null,
  last_slot bigint not null,
  first_sequence bigint not null,
  rtt_sum_us bigint not null,
  job_no integer not null,
  step_ms integer not null,
  rtt_min_us integer,
  rtt_max_us integer,
  location_no smallint not null,
  sample_count smallint not null,
  missed_count smallint not null,
  system_error_count smallint not null,
  measures bytea not null,
  details bytea not null,
  phases bytea,
  constraint sample_chunks_pkey PRIMARY KEY (job_no, location_no, first_slot)
) partition by RANGE (first_slot);

create table sample_hours (
  hour_slot bigint not null,
  state text not null,
  packed_job_no integer not null default 0,
  packed_location_no smallint not null default 0,
  chunked_at timestamp with time zone,
  has_partition boolean not null default true,
  has_interim boolean not null default false,
  constraint sample_hours_pkey PRIMARY KEY (hour_slot),
  constraint sample_hours_state_check CHECK ((state = ANY (ARRAY['chunking'::text, 'chunked'::text])))
);

create table samples (
  slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  status smallint not null,
  rtt_us integer,
  jitter_us integer,
  lateness_us integer not null,
  sequence_number bigint not null,
  recorded_at timestamp with time zone not null,
  error_code text,
  error text,
  phases jsonb,
  constraint samples_pkey PRIMARY KEY (slot, job_no, location_no)
) partition by RANGE (slot);

create table schema_migrations (
  number integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migrations_pkey PRIMARY KEY (number)
);

create table sessions (
  id uuid not null,
  token_hash bytea not null,
  user_id uuid not null,
  organisation_id uuid not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  address text,
  user_agent text,
  last_used_at timestamp with time zone not null default now(),
  constraint sessions_token_hash_key UNIQUE (token_hash),
  constraint sessions_pkey PRIMARY KEY (id),
  constraint sessions_user_id_organisation_id_fkey FOREIGN KEY (user_id, organisation_id) REFERENCES memberships(user_id, organisation_id) ON DELETE CASCADE
);

create table stray_replies (
  hour_slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  duplicate_count integer not null default 0,
  late_count integer not null default 0,
  constraint stray_replies_pkey PRIMARY KEY (job_no, hour_slot, location_no),
  constraint stray_replies_job_no_fkey FOREIGN KEY (job_no) REFERENCES jobs(job_no) ON DELETE CASCADE
);

create table users (
  id uuid not null,
  email text not null,
  name text not null,
  password_hash text not null,
  time_zone text not null default 'UTC'::text,
  skills text[] not null default '{}'::text[],
  is_test_account boolean not null default false,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  completion_emails boolean not null default true,
  constraint users_email_key UNIQUE (email),
  constraint users_pkey PRIMARY KEY (id),
  constraint users_email_check CHECK ((email = lower(email)))
);

CREATE INDEX alert_conditions_by_job ON public.alert_conditions USING btree (job_no);

CREATE INDEX alert_events_by_alert ON public.alert_events USING btree (alert_id, id);

CREATE INDEX alert_events_by_time ON public.alert_events USING btree (at);

CREATE INDEX alert_evidence_due ON public.alert_evidence USING btree (location_no, urgency DESC, requested_at DESC) WHERE (due_at IS NOT NULL);

CREATE INDEX alert_rules_by_organisation ON public.alert_rules USING btree (organisation_id, created_at, id);

CREATE INDEX alerts_by_job ON public.alerts USING btree (job_id, opened_at, id);

CREATE INDEX alerts_by_organisation ON public.alerts USING btree (organisation_id, opened_at, id);

CREATE INDEX alerts_by_rule ON public.alerts USING btree (rule_id, opened_at, id);

CREATE INDEX alerts_resolved_by_time ON public.alerts USING btree (resolved_at) WHERE (status = 'resolved'::text);

CREATE UNIQUE INDEX alerts_unresolved ON public.alerts USING btree (rule_id, job_no) WHERE (status <> 'resolved'::text);

CREATE INDEX alerts_unresolved_by_job_no ON public.alerts USING btree (job_no) WHERE (status <> 'resolved'::text);

CREATE INDEX alerts_unresolved_by_organisation ON public.alerts USING btree (organisation_id, opened_at, id) WHERE (status <> 'resolved'::text);

CREATE UNIQUE INDEX alerts_unresolved_self ON public.alerts USING btree (self_key) WHERE (status <> 'resolved'::text);

CREATE INDEX api_keys_by_user ON public.api_keys USING btree (user_id, organisation_id, created_at, id);

CREATE INDEX deleted_jobs_by_change ON public.deleted_jobs USING btree (changed_xid);

CREATE INDEX idempotency_keys_by_expiry ON public.idempotency_keys USING btree (expires_at);

CREATE INDEX job_parents_by_parent ON public.job_parents USING btree (parent_no);

CREATE INDEX job_summaries_due ON public.job_summaries USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX job_texts_by_organisation ON public.job_texts USING btree (organisation_id);

CREATE INDEX job_texts_by_trigram ON public.job_texts USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit='1024');

CREATE INDEX jobs_by_cadence ON public.jobs USING btree (organisation_id, cadence_ms, id);

CREATE INDEX jobs_by_change ON public.jobs USING btree (changed_xid);

CREATE UNIQUE INDEX jobs_by_key ON public.jobs USING btree (organisation_id, key) WHERE (key IS NOT NULL);

CREATE INDEX jobs_by_organisation ON public.jobs USING btree (organisation_id, created_at, id);

CREATE INDEX jobs_by_set ON public.jobs USING btree (organisation_id, managed_by) WHERE (managed_by IS NOT NULL);

CREATE INDEX jobs_by_status ON public.jobs USING btree (organisation_id, status, created_at, id) INCLUDE (type);

CREATE INDEX jobs_by_title ON public.jobs USING btree (organisation_id, lower(title), id) INCLUDE (title);

CREATE INDEX jobs_by_type ON public.jobs USING btree (organisation_id, type, created_at, id) INCLUDE (status);

CREATE INDEX jobs_ending ON public.jobs USING btree (ends_at) WHERE ((status = ANY (ARRAY['running'::text, 'paused'::text])) AND (ends_at IS NOT NULL));

CREATE INDEX mails_due ON public.mails USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX maintenance_windows_by_organisation ON public.maintenance_windows USING btree (organisation_id, created_at, id);

CREATE INDEX memberships_by_organisation ON public.memberships USING btree (organisation_id, created_at, user_id);

CREATE INDEX poller_tokens_by_organisation ON public.poller_tokens USING btree (organisation_id, created_at, id);

CREATE INDEX rollup_days_due ON public.rollup_days USING btree (day_slot) WHERE is_due;

CREATE INDEX sessions_by_expiry ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_by_user ON public.sessions USING btree (user_id, created_at, id);

CREATE TRIGGER alert_events_notify AFTER INSERT ON public.alert_events FOR EACH STATEMENT EXECUTE FUNCTION alert_events_notify();

CREATE TRIGGER alert_evidence_notify AFTER INSERT ON public.alert_evidence REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION alert_evidence_notify();

CREATE TRIGGER alert_rules_note_change BEFORE UPDATE ON public.alert_rules FOR EACH ROW EXECUTE FUNCTION alert_rules_note_change();

CREATE TRIGGER alert_rules_notify AFTER INSERT OR DELETE OR UPDATE ON public.alert_rules FOR EACH STATEMENT EXECUTE FUNCTION alert_rules_notify();

CREATE TRIGGER job_summaries_notify AFTER INSERT ON public.job_summaries FOR EACH STATEMENT EXECUTE FUNCTION work_notify();

CREATE TRIGGER jobs_note_change BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_change();

CREATE TRIGGER jobs_note_delete AFTER DELETE ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_delete();

CREATE TRIGGER jobs_note_end AFTER UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((new.status = ANY (ARRAY['completed'::text, 'cancelled'::text])) AND (old.status IS DISTINCT FROM new.status))) EXECUTE FUNCTION jobs_note_end();

CREATE TRIGGER jobs_note_text AFTER INSERT OR UPDATE OF title, target ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_text();

CREATE TRIGGER jobs_notify AFTER INSERT OR DELETE OR UPDATE ON public.jobs FOR EACH STATEMENT EXECUTE FUNCTION jobs_notify();

CREATE TRIGGER poller_tokens_notify AFTER DELETE ON public.poller_tokens FOR EACH STATEMENT EXECUTE FUNCTION poller_tokens_notify();
