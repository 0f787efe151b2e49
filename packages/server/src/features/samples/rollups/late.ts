// Rollups of hours that are packed already, corrected by samples that come late.
import type { PoolClient } from "pg";
import { dayOf } from "../chunks/queries.js";
import { HOUR_MS, type SampleRecord } from "../sample.js";
import { type Level, levels, partitionOf } from "./levels.js";
import { Rollup } from "./rollup.js";

/**
 * Writes the rollups of one hour anew for jobs and locations whose samples of it are all given, with others perhaps.
 * Called in the transaction that packs the late ones among them, after `lockRollups`.
 *
 * The partitions were made when the hour was built. A level that has dropped its own since stays without, so that what it
 * has reaches back without a gap; and a day whose hours are gone stays as it is.
 */
export async function rewriteRollups(
  client: PoolClient,
  hour: number,
  groups: readonly (readonly SampleRecord[])[],
): Promise<void> {
  const [fine, hourly, daily] = levels;
  const written = groups.flatMap((group) => {
    const samples = group.filter(({ slot }) => slot >= hour && slot < hour + HOUR_MS);
    const [first] = samples;
    return first === undefined ? [] : [{ jobNo: first.jobNo, locationNo: first.locationNo, samples }];
  });
  if (written.length === 0) return;
  const there = await partitionsThere(client, hour);
  for (const level of [fine, hourly]) {
    if (!there.has(level)) continue;
    await client.query(
      `insert into ${level.table} (from_slot, job_no, location_no, buckets)
       select $1, job_no, location_no, buckets::integer[]
       from unnest($2::integer[], $3::smallint[], $4::text[]) as row (job_no, location_no, buckets)
       on conflict (job_no, from_slot, location_no) do update set buckets = excluded.buckets`,
      [
        hour,
        written.map(({ jobNo }) => jobNo),
        written.map(({ locationNo }) => locationNo),
        written.map(({ samples }) => `{${toBlocks(samples, hour, level.bucketMs).join(",")}}`),
      ],
    );
  }
  if (!there.has(hourly) || !there.has(daily)) return;
  await client.query("select write_day_rollups($1, $2)", [dayOf(hour), written.map(({ jobNo }) => jobNo)]);
}

/** The levels that have a partition for a time. */
async function partitionsThere(client: PoolClient, time: number): Promise<Set<Level>> {
  const names = levels.map((level) => partitionOf(level, time));
  const { rows } = await client.query<{ name: string }>(
    "select name from unnest($1::text[]) as name where to_regclass(name) is not null",
    [names],
  );
  const found = new Set(rows.map(({ name }) => name));
  return new Set(levels.filter((level) => found.has(partitionOf(level, time))));
}

function toBlocks(samples: readonly SampleRecord[], hour: number, bucketMs: number): number[] {
  const rollups = new Map<number, Rollup>();
  for (const { slot, status, rttUs, jitterUs } of samples) {
    const number = Math.floor((slot - hour) / bucketMs);
    const rollup = rollups.get(number) ?? new Rollup();
    rollups.set(number, rollup);
    rollup.add(status, rttUs ?? Number.NaN, jitterUs ?? Number.NaN);
  }
  return [...rollups].sort(([a], [b]) => a - b).flatMap(([number, rollup]) => rollup.toBlock(number));
}
