import { sql } from "kysely";
import type { JobStatus } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";

/** Makes the address of a job; an earlier one ends with it. By the primary key. */
export async function setToken(db: Db, jobNo: number, tokenHash: Buffer): Promise<void> {
  await sql`
    insert into heartbeats (job_no, token_hash, token_created_at) values (${jobNo}, ${tokenHash}, now())
    on conflict (job_no) do update set token_hash = excluded.token_hash, token_created_at = excluded.token_created_at`.execute(
    db,
  );
}

export interface NewBeat {
  kind: "ok" | "fail";
  durationMs: number | null;
  message: string | null;
}

/** Undefined when no job has the token. By heartbeats_token_hash_key. */
export async function recordBeat(
  db: Db,
  tokenHash: Buffer,
  { kind, durationMs, message }: NewBeat,
): Promise<{ receivedAt: Date; jobStatus: JobStatus } | undefined> {
  const { rows } = await sql<{ receivedAt: Date; jobStatus: JobStatus }>`
    update heartbeats set last_at = now(), last_kind = ${kind}, last_duration_ms = ${durationMs}, last_message = ${message}
    from jobs where token_hash = ${tokenHash} and jobs.job_no = heartbeats.job_no
    returning last_at as "receivedAt", jobs.status as "jobStatus"`.execute(db);
  return rows[0];
}

export interface HeartbeatRow {
  jobNo: number;
  tokenCreatedAt: Date;
  lastAt: Date | null;
  /** By the database's clock; null before the first beat. */
  ageMs: number | null;
  kind: "ok" | "fail" | null;
  durationMs: number | null;
  message: string | null;
}

/** Those of the jobs that have an address, in one look. By the primary key. */
export async function readHeartbeats(db: Db, jobNos: readonly number[]): Promise<HeartbeatRow[]> {
  const { rows } = await sql<HeartbeatRow>`
    select job_no as "jobNo", token_created_at as "tokenCreatedAt", last_at as "lastAt",
      (extract(epoch from now() - last_at) * 1000)::float8 as "ageMs",
      last_kind as kind, last_duration_ms as "durationMs", last_message as message
    from heartbeats where job_no = any(${jobNos}::int[])`.execute(db);
  return rows;
}
