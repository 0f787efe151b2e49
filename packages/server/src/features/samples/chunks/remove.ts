// What deleted jobs leave behind.
import type { Pool } from "pg";
import { chunkTables } from "./queries.js";

/** Jobs that one statement looks for in each day. */
const BATCH_JOBS = 200;

/**
 * Removes what jobs have in chunks, and what waits to be packed. Their raw samples are never packed once they are
 * deleted, and go with their partitions.
 */
export async function removeChunksOf(pool: Pool, jobNos: readonly number[]): Promise<void> {
  for (let from = 0; from < jobNos.length; from += BATCH_JOBS) {
    const batch = jobNos.slice(from, from + BATCH_JOBS);
    for (const table of [...chunkTables, "late_samples"]) {
      await pool.query(`delete from ${table} where job_no = any($1::integer[])`, [batch]);
    }
  }
}
