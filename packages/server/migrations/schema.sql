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
  insert into deleted_jobs (job_no) values (old.job_no);
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.jobs_note_text()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into job_texts (job_no, organisation_id, text)
  values (new.job_no, new.organisation_id, searchable(new.title || E'\n' || new.target))
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

CREATE OR REPLACE FUNCTION public.searchable(text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN translate(lower($1), '.:/-_'::text, 'qxzjk'::text);

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

create table deleted_jobs (
  job_no integer not null,
  changed_xid xid8 not null default pg_current_xact_id(),
  deleted_at timestamp with time zone not null default now(),
  constraint deleted_jobs_pkey PRIMARY KEY (job_no)
);

create table idempotency_keys (
  organisation_id uuid not null,
  key text not null,
  request_hash bytea not null,
  job_ids uuid[] not null,
  expires_at timestamp with time zone not null,
  constraint idempotency_keys_pkey PRIMARY KEY (organisation_id, key),
  constraint idempotency_keys_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
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
  constraint jobs_job_no_key UNIQUE (job_no),
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE,
  constraint jobs_requester_id_fkey FOREIGN KEY (requester_id) REFERENCES users(id) ON DELETE SET NULL,
  constraint jobs_cadence_ms_check CHECK (((cadence_ms >= 100) AND (cadence_ms <= 86400000))),
  constraint jobs_duration_seconds_check CHECK ((duration_seconds > 0)),
  constraint jobs_locations_check CHECK ((cardinality(locations) > 0)),
  constraint jobs_monitoring_mode_check CHECK ((monitoring_mode = ANY (ARRAY['real_polling'::text, 'simulated'::text]))),
  constraint jobs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'paused'::text, 'completed'::text, 'cancelled'::text])))
);

create table locations (
  location_no smallint not null generated always as identity,
  organisation_id uuid,
  name text not null,
  constraint locations_organisation_id_name_key UNIQUE NULLS NOT DISTINCT (organisation_id, name),
  constraint locations_pkey PRIMARY KEY (location_no),
  constraint locations_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations(id) ON DELETE CASCADE
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
  constraint pollers_pkey PRIMARY KEY (id),
  constraint pollers_location_no_fkey FOREIGN KEY (location_no) REFERENCES locations(location_no) ON DELETE CASCADE,
  constraint pollers_buckets_check CHECK ((length(buckets) = 1024)),
  constraint pollers_check CHECK (((state = 'dead'::text) = (died_at IS NOT NULL))),
  constraint pollers_check1 CHECK (((buckets IS NULL) = ((replica_count IS NOT NULL) AND (replica_id IS NOT NULL)))),
  constraint pollers_kind_check CHECK ((kind = ANY (ARRAY['local'::text, 'remote'::text]))),
  constraint pollers_state_check CHECK ((state = ANY (ARRAY['joining'::text, 'active'::text, 'leaving'::text, 'dead'::text])))
) with (fillfactor=50);

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
  constraint users_email_key UNIQUE (email),
  constraint users_pkey PRIMARY KEY (id),
  constraint users_email_check CHECK ((email = lower(email)))
);

CREATE INDEX alert_conditions_by_job ON public.alert_conditions USING btree (job_no);

CREATE INDEX alert_events_by_alert ON public.alert_events USING btree (alert_id, id);

CREATE INDEX alert_events_by_time ON public.alert_events USING btree (at);

CREATE INDEX alert_rules_by_organisation ON public.alert_rules USING btree (organisation_id, created_at, id);

CREATE INDEX alerts_by_job ON public.alerts USING btree (job_id, opened_at, id);

CREATE INDEX alerts_by_organisation ON public.alerts USING btree (organisation_id, opened_at, id);

CREATE INDEX alerts_by_rule ON public.alerts USING btree (rule_id, opened_at, id);

CREATE UNIQUE INDEX alerts_unresolved ON public.alerts USING btree (rule_id, job_no) WHERE (status <> 'resolved'::text);

CREATE INDEX alerts_unresolved_by_job_no ON public.alerts USING btree (job_no) WHERE (status <> 'resolved'::text);

CREATE INDEX alerts_unresolved_by_organisation ON public.alerts USING btree (organisation_id, opened_at, id) WHERE (status <> 'resolved'::text);

CREATE UNIQUE INDEX alerts_unresolved_self ON public.alerts USING btree (self_key) WHERE (status <> 'resolved'::text);

CREATE INDEX deleted_jobs_by_change ON public.deleted_jobs USING btree (changed_xid);

CREATE INDEX idempotency_keys_by_expiry ON public.idempotency_keys USING btree (expires_at);

CREATE INDEX job_parents_by_parent ON public.job_parents USING btree (parent_no);

CREATE INDEX job_texts_by_organisation ON public.job_texts USING btree (organisation_id);

CREATE INDEX job_texts_by_trigram ON public.job_texts USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit='1024');

CREATE INDEX jobs_by_cadence ON public.jobs USING btree (organisation_id, cadence_ms, id);

CREATE INDEX jobs_by_change ON public.jobs USING btree (changed_xid);

CREATE INDEX jobs_by_organisation ON public.jobs USING btree (organisation_id, created_at, id);

CREATE INDEX jobs_by_status ON public.jobs USING btree (organisation_id, status, created_at, id) INCLUDE (type);

CREATE INDEX jobs_by_title ON public.jobs USING btree (organisation_id, lower(title), id) INCLUDE (title);

CREATE INDEX jobs_by_type ON public.jobs USING btree (organisation_id, type, created_at, id) INCLUDE (status);

CREATE INDEX jobs_ending ON public.jobs USING btree (ends_at) WHERE ((status = ANY (ARRAY['running'::text, 'paused'::text])) AND (ends_at IS NOT NULL));

CREATE INDEX maintenance_windows_by_organisation ON public.maintenance_windows USING btree (organisation_id, created_at, id);

CREATE INDEX memberships_by_organisation ON public.memberships USING btree (organisation_id, created_at, user_id);

CREATE INDEX sessions_by_expiry ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_by_user ON public.sessions USING btree (user_id, organisation_id);

CREATE TRIGGER alert_events_notify AFTER INSERT ON public.alert_events FOR EACH STATEMENT EXECUTE FUNCTION alert_events_notify();

CREATE TRIGGER alert_rules_note_change BEFORE UPDATE ON public.alert_rules FOR EACH ROW EXECUTE FUNCTION alert_rules_note_change();

CREATE TRIGGER alert_rules_notify AFTER INSERT OR DELETE OR UPDATE ON public.alert_rules FOR EACH STATEMENT EXECUTE FUNCTION alert_rules_notify();

CREATE TRIGGER jobs_note_change BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_change();

CREATE TRIGGER jobs_note_delete AFTER DELETE ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_delete();

CREATE TRIGGER jobs_note_text AFTER INSERT OR UPDATE OF title, target ON public.jobs FOR EACH ROW EXECUTE FUNCTION jobs_note_text();

CREATE TRIGGER jobs_notify AFTER INSERT OR DELETE OR UPDATE ON public.jobs FOR EACH STATEMENT EXECUTE FUNCTION jobs_notify();
