-- What becomes of samples as they age (M12): hours are packed into chunks, and leave with the partition of their day.

-- Hours that are being packed, or have been. Where an hour's samples are, its row says; hours without one are in
-- `samples` alone.
create table sample_hours (
  hour_slot bigint primary key,
  -- chunking: the partition of `samples` counts, and what is in chunks does not yet. chunked: chunks count.
  -- Either way samples that came since are in `late_samples`, for the partition takes no more.
  state text not null check (state in ('chunking', 'chunked')),
  -- While chunking, what is packed: everything up to this job and location, in this order.
  packed_job_no integer not null default 0,
  packed_location_no smallint not null default 0,
  chunked_at timestamptz,
  -- The partition goes a while after the hour is chunked, when nobody can be reading it any more.
  has_partition boolean not null default true,
  -- Some of its chunks wait in `interim_chunks` for their day.
  has_interim boolean not null default false
);

-- Samples of one job at one location on one grid: at most 3,600, and of one day of UTC. In partitions of a day.
create table sample_chunks (
  first_slot bigint not null,
  last_slot bigint not null,
  first_sequence bigint not null,
  rtt_sum_us bigint not null, -- of successes, like the two below
  job_no integer not null,
  step_ms integer not null,
  rtt_min_us integer,
  rtt_max_us integer,
  location_no smallint not null,
  sample_count smallint not null,
  missed_count smallint not null,
  system_error_count smallint not null,
  measures bytea not null, -- which slots, status, RTT and jitter: what statistics need
  details bytea not null, -- lateness, time of recording, errors
  phases bytea,
  -- The chunks of one job.
  primary key (job_no, location_no, first_slot)
) partition by range (first_slot);
-- They are packed already; Postgres need not try.
alter table sample_chunks alter column measures set storage external, alter column details set storage external,
  alter column phases set storage external;

-- Chunks of an hour that are too small to keep: they become one chunk when their day is complete. Not partitioned, since
-- they come and go, and the room of those that went is used again.
create table interim_chunks (like sample_chunks including all);

-- Samples that came after their hour was closed, until they are packed as well. Known like those of `samples`.
create table late_samples (like samples including all);
