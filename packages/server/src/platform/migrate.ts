// Brings a database to the schema of this program: numbered plain-SQL files, forward only, each in one transaction.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import type { Logger } from "./log.js";
import { packageRoot } from "./paths.js";

export const migrationsFolder = join(packageRoot, "migrations");

const CONNECT_TIMEOUT_MS = 10_000;
/** Held for one migration at a time, by transaction, so that it also works through PgBouncer. Any constant would do. */
const LOCK_KEY = 0x4e42_0001;

/** The database cannot be brought to this program's schema; the message says what to do. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

export interface Migration {
  readonly number: number;
  /** For example 000001_accounts_jobs_samples. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, in hexadecimal. */
  readonly checksum: string;
}

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Applies what is missing and returns the names of what this call applied. Safe to run from several processes at once:
 * each migration is claimed under an advisory lock in the transaction that applies it. Throws MigrationError.
 */
export async function migrate(url: string, options: { log: Logger; folder?: string }): Promise<string[]> {
  const migrations = await readMigrations(options.folder ?? migrationsFolder);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect().catch((error: Error) => {
    const { hostname, port, pathname } = new URL(url);
    throw new MigrationError(
      `cannot reach the database at ${hostname}:${port || 5432}${pathname}: ${reason(error)}`,
      {
        cause: error,
      },
    );
  });
  try {
    const applied: string[] = [];
    // A database that is up to date is only read, for which no right to create tables is needed.
    while (nextMigration(migrations, await readApplied(client)) !== null) {
      const startedAt = performance.now();
      const name = await applyNext(client, migrations);
      if (name === null) continue;
      applied.push(name);
      options.log.info(
        { migration: name, durationMs: Math.round(performance.now() - startedAt) },
        "migrated",
      );
    }
    return applied;
  } finally {
    await client.end();
  }
}

/** The first migration that is missing, null when there is none. Throws when program and database do not belong together. */
export function nextMigration(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration | null {
  for (const done of applied) {
    const migration = known.find((candidate) => candidate.number === done.number);
    if (migration === undefined) {
      throw new MigrationError(
        `the database has a newer schema (${done.name}) than this program knows (${known.at(-1)?.name ?? "none"}); update Nightbell, or restore a backup from before the update`,
      );
    }
    if (migration.checksum !== done.checksum) {
      throw new MigrationError(
        `migration ${migration.name} is not the one that made this database; run the Nightbell that made it, or start with a fresh database`,
      );
    }
  }
  const lastApplied = applied.at(-1)?.number ?? 0;
  return known.find((migration) => migration.number > lastApplied) ?? null;
}

export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{6}_[a-z0-9_]+\.sql$/.test(name)).sort();
  const migrations = await Promise.all(
    names.map(async (file) => {
      const sql = await readFile(join(folder, file), "utf8");
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { number: Number(file.slice(0, 6)), name: file.replace(/\.sql$/, ""), sql, checksum };
    }),
  );
  const gap = migrations.find((migration, index) => migration.number !== index + 1);
  if (gap !== undefined) throw new MigrationError(`migrations are not numbered 1, 2, 3, …: see ${gap.name}`);
  return migrations;
}

async function applyNext(client: Client, migrations: readonly Migration[]): Promise<string | null> {
  await client.query("begin");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [LOCK_KEY]);
    await client.query(`create table if not exists schema_migrations (
      number integer primary key, name text not null, checksum text not null,
      applied_at timestamptz not null default now())`);
    const migration = nextMigration(migrations, await readApplied(client)); // Another process may have been first.
    if (migration !== null) {
      await client.query(migration.sql).catch((error: Error) => {
        throw new MigrationError(`migration ${migration.name} failed: ${error.message}`, { cause: error });
      });
      await client.query("insert into schema_migrations (number, name, checksum) values ($1, $2, $3)", [
        migration.number,
        migration.name,
        migration.checksum,
      ]);
    }
    await client.query("commit"); // Schema and record commit together.
    return migration?.name ?? null;
  } catch (error) {
    await client.query("rollback").catch(() => {}); // The connection may be what failed.
    throw error;
  }
}

async function readApplied(client: Client): Promise<AppliedMigration[]> {
  const table = await client.query<{ found: boolean }>(
    "select to_regclass('schema_migrations') is not null as found",
  );
  if (!table.rows[0]?.found) return [];
  const { rows } = await client.query<AppliedMigration>(
    "select number, name, checksum from schema_migrations order by number",
  );
  return rows;
}

/** Node reports several addresses that refuse as an AggregateError without a message. */
function reason(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : error.message;
}
