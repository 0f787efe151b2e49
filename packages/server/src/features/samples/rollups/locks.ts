import type { PoolClient } from "pg";

/**
 * Keeps rollups that are computed from `samples` apart from the end of an hour's packing, after which chunks count: what
 * was computed from the partition is never written over what was corrected since. The SQL function create_job_rollups
 * takes the same lock; it must differ from the other advisory locks of the program.
 */
const ROLLUP_LOCK = 0x6e_6f_6c_65;

/** Until the end of the transaction, no hour becomes packed. */
export async function holdBackPacking(client: PoolClient): Promise<void> {
  await client.query("select pg_advisory_xact_lock_shared($1)", [ROLLUP_LOCK]);
}

/** Until the end of the transaction, nobody computes rollups from raw samples. */
export async function lockRollups(client: PoolClient): Promise<void> {
  await client.query("select pg_advisory_xact_lock($1)", [ROLLUP_LOCK]);
}
