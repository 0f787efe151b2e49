-- Rollups (M11): what many samples of a job at a location amount to, in buckets of 5 minutes, an hour and a day.

-- A row holds the buckets of an hour (5m), one hour (1h), one day (1d), each as a block of integers, oldest first:
--   number of the bucket in its row, samples, missed, system errors,
--   average, standard deviation, minimum and maximum of RTT in microseconds (0 without any),
--   jitters, average and maximum of them in microseconds (0 without any),
--   number of entries of its histogram, and these entries, by key: key * 2^20 + count.
-- A count never reaches 2^20: at the fastest cadence a day has 864,000 slots. Values that fill few bits compress well, so
-- rows are compressed from 256 bytes on, and stay in their table.
create table rollups_5m (
  from_slot bigint not null,
  job_no integer not null,
  location_no smallint not null,
  buckets integer[] not null,
  -- A stretch of one job.
  primary key (job_no, from_slot, location_no)
) partition by range (from_slot);
alter table rollups_5m alter column buckets set storage main;
create table rollups_1h (like rollups_5m including all) partition by range (from_slot);
create table rollups_1d (like rollups_5m including all) partition by range (from_slot);

-- Hours whose rollups are built or must be built anew.
create table rollup_hours (
  hour_slot bigint primary key,
  -- Rises with every batch of samples that is stored raw after the hour is over.
  version integer not null default 0,
  -- The version that the rollups hold; null before they are built.
  built_version integer
);

-- Days of which some hour was built.
create table rollup_days (
  day_slot bigint primary key,
  -- Its rollups must be built, or built anew, from those of its hours.
  is_due boolean not null default true,
  is_built boolean not null default false
);
create index rollup_days_due on rollup_days (day_slot) where is_due;

-- Jobs that ended and whose rollups are not built yet.
create table ended_jobs (
  job_no integer primary key references jobs (job_no) on delete cascade,
  ended_at timestamptz not null default now()
);

create function jobs_note_end() returns trigger language plpgsql as $$
begin
  insert into ended_jobs (job_no) values (new.job_no) on conflict do nothing;
  return null;
end $$;
create trigger jobs_note_end after update of status on jobs for each row
  when (new.status in ('completed', 'cancelled') and old.status is distinct from new.status)
  execute function jobs_note_end();

-- The key of an RTT in a histogram (DDSketch: Masson, Rim, Lee 2019) with a growth of 2 % from key to key: every RTT of a
-- key is within 1 % of 2 * 1.02^(key - 1) / 2.02. Key 0 is an RTT of 0.
create function rtt_key(rtt_us integer) returns integer language sql immutable parallel safe
  return case when rtt_us < 1 then 0 else 1 + ceil(ln(rtt_us::float8) / ln(1.02::float8))::integer end;

-- A bucket as `rollups_*` hold it; RTT statistics are of the successes with an RTT, of which there are rtt_count.
create function rollup_block(
  number bigint, samples numeric, missed numeric, system_errors numeric,
  rtt_count numeric, rtt_sum float8, rtt_squares float8, rtt_min integer, rtt_max integer,
  jitter_count numeric, jitter_sum float8, jitter_max integer, histogram integer[]
) returns integer[] language sql immutable parallel safe
  return array[
    number::integer, samples::integer, missed::integer, system_errors::integer,
    coalesce(round(rtt_sum / nullif(rtt_count, 0)::float8), 0)::integer,
    coalesce(round(sqrt(greatest(
      rtt_squares / nullif(rtt_count, 0)::float8 - (rtt_sum / nullif(rtt_count, 0)::float8) ^ 2, 0))), 0)::integer,
    coalesce(rtt_min, 0), coalesce(rtt_max, 0),
    jitter_count::integer, coalesce(round(jitter_sum / nullif(jitter_count, 0)::float8), 0)::integer,
    coalesce(jitter_max, 0), coalesce(cardinality(histogram), 0)
  ] || coalesce(histogram, '{}');

-- Creates what is missing of the partitions that a slot's rollups go to: of a day, a month, and a year (UTC).
create function ensure_rollup_partitions(slot bigint) returns void language plpgsql as $$
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
end $$;

-- Writes the rollups of an hour from what `samples` has of it, of all jobs or of one, and returns the number of rows.
-- Repeated, it writes the same.
create function write_rollups(hour bigint, of_job integer default null, with_5m boolean default true)
returns bigint language plpgsql as $$
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
end $$;

-- Writes the rollups of a day from those of its hours, of all jobs or of some, and returns the number of rows.
create function write_day_rollups(day bigint, of_jobs integer[] default null)
returns bigint language sql as $$
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
$$;

-- Builds the rollups of a job from all samples that are raw still, those of the hour under way included; rollups of
-- older ones are built and stay. bucket_minutes is the finest level to build: 5, 60 or 1440. Returns the number of rows
-- written; repeated, it writes the same.
create function create_job_rollups(job_id uuid, bucket_minutes integer default 5) returns bigint language plpgsql as $$
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
end $$;
