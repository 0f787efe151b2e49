import {
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type Transaction,
} from "kysely";
import { Pool, types } from "pg";
import type { Database } from "./schema.js";

export type Db = Kysely<Database>;
export type Tx = Transaction<Database>;

/** How long a statement may run before Postgres ends it; the slowest legitimate ones are bulk writes. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** The same for a statement of a request, whose caller waits. */
export const REQUEST_STATEMENT_TIMEOUT_MS = 4_000;
/** A server that lives ends a statement in time; one that stays silent for so much longer is frozen or cut off. */
const SILENCE_MS = 1_000;
/** What the driver says then, without a code. */
const SILENCE_MESSAGE = "Query read timeout";
/** Longest wait for a connection of those for whom somebody waits: requests, and samples that fill the memory. */
export const PROMPT_CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;
/**
 * A client that vanishes, its machine dead or its cable cut, says nothing to Postgres, which by itself would keep the
 * connection for two hours, and with it what an open transaction has locked: samples that others are to store, and tasks.
 * A transaction may be silent for so long; whoever needs longer says something meanwhile (recurring-tasks.ts).
 */
export const LONGEST_SILENCE_MS = 10_000;
/** The connection itself is given up after 25 s without a sign of life from the client's machine. */
const NOTICE_VANISHED_CLIENTS = `
  select set_config('idle_in_transaction_session_timeout', '${LONGEST_SILENCE_MS}', false),
    set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '25000', false)`;

// int8 as number: slots, sequence numbers and counts stay far below 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/** The pool, and Kysely over the same pool. */
export interface DatabaseHandle {
  readonly pool: Pool;
  readonly db: Db;
  readonly url: string;
  readonly close: () => Promise<void>;
}

export interface DatabaseOptions {
  readonly poolSize: number;
  readonly applicationName: string;
  readonly connectTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly onError?: (error: Error) => void;
}

/** Opens a pool; it connects on first use. A connection that breaks or stays silent is replaced. */
export function openDatabase(url: string, options: DatabaseOptions): DatabaseHandle {
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? PROMPT_CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    idleTimeoutMillis: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, which its types do not say
    onConnect: (client) => client.query(NOTICE_VANISHED_CLIENTS),
  });
  pool.on("error", (error) => options.onError?.(error));
  // The pool listens to idle clients only; one that breaks while it is in use would end the process. Its query fails.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: endingSilent(pool) }) });
  return { pool, db, url, close: () => db.destroy() };
}

/**
 * Whether the database is what failed: it is away, full, frozen, or too busy for a statement's time limit. Postgres's
 * classes: 08 and 57P are connections that break or a server that goes away, 53300 one that is full, 57014 the limit.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return (
    /^(08...|57P..|57014|53300|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(
      code,
    ) ||
    /^(Connection terminated|timeout exceeded when trying to connect|Cannot use a pool after|Client (was closed|has encountered))/.test(
      error.message,
    ) ||
    error.message === SILENCE_MESSAGE
  );
}

/** How loudly to log a failure: that the database is away is said once, not by everybody who notices. */
export function failureLevel(error: unknown): "debug" | "warn" {
  return isDatabaseUnavailable(error) ? "debug" : "warn";
}

/**
 * The pool as Kysely uses it. Kysely gives every connection back as a good one; but on one whose query was given up, the
 * next query would wait behind it, and be given up too. Ended, it leaves the pool, and a rollback on it fails at once.
 */
function endingSilent(pool: Pool): PostgresPool {
  return {
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const query = async (text: string, values: unknown[]) => {
        try {
          return await client.query(text, values);
        } catch (error) {
          if ((error as Error).message === SILENCE_MESSAGE) void client.end();
          throw error;
        }
      };
      // Its other form takes cursors, of which there are none.
      return { query: query as unknown as PostgresPoolClient["query"], release: () => client.release() };
    },
  };
}
