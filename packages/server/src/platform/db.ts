import { Kysely, PostgresDialect, type Transaction } from "kysely";
import { Pool, types } from "pg";
import type { Database } from "./schema.js";

export type Db = Kysely<Database>;
export type Tx = Transaction<Database>;

/** How long a statement may run before Postgres ends it; the slowest legitimate ones are bulk writes. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A connection that stays silent for longer is dead: the server would have ended the statement before. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;
/** Longest wait for a connection of those for whom somebody waits: requests, and samples that fill the memory. */
export const PROMPT_CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;

// int8 as number: slots, sequence numbers and counts stay far below 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/** The pool, and Kysely over the same pool. */
export interface DatabaseHandle {
  readonly pool: Pool;
  readonly db: Db;
  readonly url: string;
  close(): Promise<void>;
}

/** Opens a pool; it connects on first use. An idle connection that breaks is replaced, never thrown. */
export function openDatabase(
  url: string,
  options: {
    poolSize: number;
    applicationName: string;
    connectTimeoutMs?: number;
    idleTimeoutMs?: number;
    onError?: (error: Error) => void;
  },
): DatabaseHandle {
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? PROMPT_CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idleTimeoutMillis: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
  });
  pool.on("error", (error) => options.onError?.(error));
  // The pool listens to idle clients only; one that breaks while it is in use would end the process. Its query fails.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { pool, db, url, close: () => db.destroy() };
}
