-- Pollers that share the jobs of a location among themselves (M8).

-- A job's bucket, 0 to 8191: the unit in which jobs are shared. The top 13 bits of a multiplicative hash, so that
-- consecutive numbers spread evenly; features/pollers/buckets.ts computes the same.
create function job_bucket(job_no integer) returns integer language sql immutable strict parallel safe
  return (((job_no::bigint * 2654435761) >> 19) & 8191)::integer;

-- One row for each running poller process, and for a day for each that died. So few that no query needs an index.
create table pollers (
  id uuid primary key, -- new at each start
  location_no smallint not null references locations on delete cascade,
  name text not null,
  kind text not null check (kind in ('local', 'remote')),
  -- joining: measures its share, the others do not count on it yet; active; leaving: the others count on it no more,
  -- it measures until they have taken over; dead: its lease ran out.
  state text not null check (state in ('joining', 'active', 'leaving', 'dead')),
  -- Whoever lives renews it; read and written in the database's time only.
  lease_until timestamptz not null,
  started_at timestamptz not null default now(),
  died_at timestamptz check ((state = 'dead') = (died_at is not null)),
  -- Live sharing: a bit for each bucket whose jobs it holds, in the order of get_bit. Null in static mode.
  buckets bytea check (length(buckets) = 1024),
  -- Static mode: REPLICA_COUNT and REPLICA_ID.
  replica_count integer,
  replica_id integer,
  stats jsonb not null,
  check ((buckets is null) = (replica_count is not null and replica_id is not null))
) with (fillfactor = 50);
