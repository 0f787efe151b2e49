// SQL over rollups. All three tables are read by their primary key (job_no, from_slot, location_no).
import type { Pool } from "pg";
import { toIntegers } from "../integers.js";
import { hourOf } from "../partitions.js";
import type { Window } from "../window.js";
import { type Built, type Level, partitionOf } from "./levels.js";
import { Rollup } from "./rollup.js";

/** A bucket of one job at one location. */
export interface StoredRollup extends Window {
  rollup: Rollup;
}

interface RollupRow {
  from_slot: number;
  blocks: string;
}

// As text, which is read several times faster than the driver reads arrays.
const columns = "from_slot, array_to_string(buckets, ',') as blocks";

/** The rollups of a job in stretches of whole buckets. */
export async function rollupsOf(
  pool: Pool,
  jobNo: number,
  level: Level,
  stretches: readonly Window[],
): Promise<StoredRollup[]> {
  if (stretches.length === 0) return [];
  const rowStarts = stretches.map(({ from }) => from - (from % level.rowMs));
  const { rows } = await pool.query<RollupRow>(
    `select ${columns} from unnest($2::bigint[], $3::bigint[]) as stretch (first, next)
     cross join lateral (
       select * from ${level.table}
       where job_no = $1 and from_slot >= stretch.first and from_slot < stretch.next and from_slot between $4 and $5
       offset 0) as rollup`,
    [jobNo, rowStarts, stretches.map(({ to }) => to), rowStarts[0], stretches.at(-1)?.to],
  );
  return rows
    .flatMap((row) => unpack(row, level))
    .filter(({ from }) => stretches.some((stretch) => from >= stretch.from && from < stretch.to));
}

/** The rollups of the newest `count` rows' times in a window, of every location. */
export async function newestRollups(
  pool: Pool,
  jobNo: number,
  level: Level,
  { from, to }: Window,
  count: number,
): Promise<StoredRollup[]> {
  const firstRow = Math.floor(from / level.rowMs) * level.rowMs;
  const { rows } = await pool.query<RollupRow>(
    `select ${columns} from ${level.table}
     where job_no = $1 and from_slot < $3 and from_slot >= (
       select min(from_slot) from (
         select distinct from_slot from ${level.table}
         where job_no = $1 and from_slot >= $2 and from_slot < $3 order by from_slot desc limit $4) as newest)`,
    [jobNo, firstRow, to, count],
  );
  return rows.flatMap((row) => unpack(row, level)).filter((bucket) => bucket.from < to && bucket.to > from);
}

function unpack({ from_slot, blocks }: RollupRow, { bucketMs }: Level): StoredRollup[] {
  return Rollup.ofBlocks(toIntegers(blocks)).map(({ number, rollup }) => {
    const from = from_slot + number * bucketMs;
    return { from, to: from + bucketMs, rollup };
  });
}

/** The name of each level's oldest partition, such as rollups_5m_20261122. */
const OLDEST = `
  select parent.relname as parent, min(child.relname) as oldest
  from pg_inherits
  join pg_class as parent on parent.oid = inhparent
  join pg_class as child on child.oid = inhrelid
  where inhparent in ('rollups_5m'::regclass, 'rollups_1h'::regclass, 'rollups_1d'::regclass)
  group by parent.relname`;

// Lists of numbers as text, which is read much faster than rows.
const BUILT = `
  select
    (select string_agg(hour_slot::text, ',') from rollup_hours
     where hour_slot between $1 and $2 and built_version is not null) as hours,
    (select string_agg(day_slot::text, ',') from rollup_days where day_slot between $3 and $2 and is_built) as days,
    (select json_object_agg(parent, oldest) from (${OLDEST}) as level) as oldest`;

/** What there is of rollups for a window. Served by the primary keys and the catalog. */
export async function builtBetween(pool: Pool, { from, to }: Window): Promise<Built> {
  const { rows } = await pool.query<{
    hours: string | null;
    days: string | null;
    oldest: Record<string, string> | null;
  }>(BUILT, [hourOf(from), to, from]);
  const [row] = rows;
  return {
    hours: new Set(toIntegers(row?.hours ?? "")),
    days: new Set(toIntegers(row?.days ?? "")),
    reaches: reachOf(row?.oldest ?? {}),
  };
}

/** Tells of each level whether it still has what there was at a time. */
export async function readReach(pool: Pool): Promise<Built["reaches"]> {
  const { rows } = await pool.query<{ parent: string; oldest: string }>(OLDEST);
  return reachOf(Object.fromEntries(rows.map(({ parent, oldest }) => [parent, oldest])));
}

/** The oldest partitions leave first, so those that are younger than the oldest are all there. */
function reachOf(oldest: Readonly<Record<string, string>>): Built["reaches"] {
  return (level, time) => {
    const name = oldest[level.table];
    return name !== undefined && name <= partitionOf(level, time);
  };
}
