// SQL over rollups. All three tables are read by their primary key (job_no, from_slot, location_no).
import type { Pool } from "pg";
import type { Window } from "../window.js";
import type { Built, Level } from "./levels.js";
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

/** The rollups of a job in stretches of whole rows. */
export async function rollupsOf(
  pool: Pool,
  jobNo: number,
  level: Level,
  stretches: readonly Window[],
): Promise<StoredRollup[]> {
  if (stretches.length === 0) return [];
  const { rows } = await pool.query<RollupRow>(
    `select ${columns} from unnest($2::bigint[], $3::bigint[]) as stretch (first, next)
     cross join lateral (
       select * from ${level.table}
       where job_no = $1 and from_slot >= stretch.first and from_slot < stretch.next and from_slot between $4 and $5
       offset 0) as rollup`,
    [
      jobNo,
      stretches.map(({ from }) => from),
      stretches.map(({ to }) => to),
      stretches[0]?.from,
      stretches.at(-1)?.to,
    ],
  );
  return rows.flatMap((row) => unpack(row, level));
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
  return Rollup.ofBlocks(blocks.split(",").map(Number)).map(({ number, rollup }) => {
    const from = from_slot + number * bucketMs;
    return { from, to: from + bucketMs, rollup };
  });
}

/** The hours and days of a window whose rollups are built. Served by the primary keys. */
export async function builtBetween(pool: Pool, { from, to }: Window): Promise<Built> {
  const { rows } = await pool.query<{ slot: number; is_day: boolean }>(
    `select hour_slot as slot, false as is_day from rollup_hours
     where hour_slot between $1 and $2 and built_version is not null
     union all
     select day_slot, true from rollup_days where day_slot between $1 and $2 and is_built`,
    [from, to],
  );
  const slots = (isDay: boolean) =>
    new Set(rows.filter((row) => row.is_day === isDay).map(({ slot }) => slot));
  return { hours: slots(false), days: slots(true) };
}

/** The name of each level's oldest partition, such as rollups_5m_20261122. */
const OLDEST = `
  select parent.relname as parent, min(child.relname) as oldest
  from pg_inherits
  join pg_class as parent on parent.oid = inhparent
  join pg_class as child on child.oid = inhrelid
  where inhparent in ('rollups_5m'::regclass, 'rollups_1h'::regclass, 'rollups_1d'::regclass)
  group by parent.relname`;

/** Tells of each level whether it still has what there was at a time. */
export async function reachOf(pool: Pool, time: number): Promise<(level: Level) => boolean> {
  const { rows } = await pool.query<{ parent: string; oldest: string }>(OLDEST);
  const oldest = new Map(rows.map((row) => [row.parent, row.oldest]));
  const digits = new Date(time).toISOString().slice(0, 10).replaceAll("-", "");
  return ({ table }) => {
    const name = oldest.get(table);
    return name !== undefined && name.slice(table.length + 1) <= digits;
  };
}
