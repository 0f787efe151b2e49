import type { Pool, PoolClient } from "pg";

/**
 * Excludes moving samples between `late_samples` and chunks from looking which of them are there already. Any constant
 * will do; it must differ from the other advisory locks of the program.
 */
const REPACKING_LOCK = 0x6e_62_6c_74;

/** Runs `work` in a transaction; a connection on which it failed is not used again. */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** Until the end of the transaction, no sample moves from `late_samples` into a chunk. */
export async function holdBackRepacking(client: PoolClient): Promise<void> {
  await client.query("select pg_advisory_xact_lock_shared($1)", [REPACKING_LOCK]);
}

/** Until the end of the transaction, nobody compares new samples with chunks. */
export async function lockForRepacking(client: PoolClient): Promise<void> {
  await client.query("select pg_advisory_xact_lock($1)", [REPACKING_LOCK]);
}
