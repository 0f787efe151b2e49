import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated, empty database of its own in the run's Postgres. */
export async function createDatabase(): Promise<TestDatabase> {
  const { databaseUrl, templateDatabase } = inject("testRun");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await execute(databaseUrl, `create database ${name} template ${templateDatabase}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  const drop = () => execute(databaseUrl, `drop database if exists ${name} with (force)`);
  return { url: url.href, drop, [Symbol.asyncDispose]: drop };
}

/** Runs SQL on a connection of its own. */
export async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
