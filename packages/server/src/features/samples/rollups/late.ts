// Rollups of hours that are packed already, corrected by samples that come late.
import type { PoolClient } from "pg";
import { dayOf } from "../chunks/queries.js";
import { HOUR_MS, type SampleRecord } from "../sample.js";
import { levels } from "./levels.js";
import { Rollup } from "./rollup.js";

/**
 * Writes the rollups of one hour anew for jobs and locations whose samples of it are all given, with others perhaps.
 * Called in the transaction that packs the late ones among them, after `lockRollups`.
 */
export async function rewriteRollups(
  client: PoolClient,
  hour: number,
  groups: readonly (readonly SampleRecord[])[],
): Promise<void> {
  const [fine, hourly] = levels;
  const written = groups.flatMap((group) => {
    const samples = group.filter(({ slot }) => slot >= hour && slot < hour + HOUR_MS);
    const [first] = samples;
    return first === undefined ? [] : [{ jobNo: first.jobNo, locationNo: first.locationNo, samples }];
  });
  if (written.length === 0) return;
  await client.query("select ensure_rollup_partitions($1)", [hour]);
  for (const { table, bucketMs } of [fine, hourly]) {
    await client.query(
      `insert into ${table} (from_slot, job_no, location_no, buckets)
       select $1, job_no, location_no, buckets::integer[]
       from unnest($2::integer[], $3::smallint[], $4::text[]) as row (job_no, location_no, buckets)
       on conflict (job_no, from_slot, location_no) do update set buckets = excluded.buckets`,
      [
        hour,
        written.map(({ jobNo }) => jobNo),
        written.map(({ locationNo }) => locationNo),
        written.map(({ samples }) => `{${toBlocks(samples, hour, bucketMs).join(",")}}`),
      ],
    );
  }
  await client.query("select write_day_rollups($1, $2)", [dayOf(hour), written.map(({ jobNo }) => jobNo)]);
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
