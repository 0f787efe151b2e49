// Jobs with grids and samples, written as the poller and the API write them.
import { randomUUID } from "node:crypto";
import type { Grid, LocatedGrid } from "../src/features/jobs/index.js";
import type { SampleRecord } from "../src/features/samples/sample.js";
import { storeBatch } from "../src/features/samples/store.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { createDatabase } from "./database.js";

export interface World extends AsyncDisposable {
  readonly database: DatabaseHandle;
  readonly url: string;
  readonly organisationId: string;
}

/** A database with one organisation, and a pool to it. */
export async function createWorld(): Promise<World> {
  const test = await createDatabase();
  const database = openDatabase(test.url, { poolSize: 4, applicationName: "test" });
  const organisationId = await addOrganisation(database);
  return {
    database,
    url: test.url,
    organisationId,
    async [Symbol.asyncDispose]() {
      await database.close();
      await test.drop();
    },
  };
}

export async function addOrganisation({ db }: DatabaseHandle): Promise<string> {
  const id = randomUUID();
  await db.insertInto("organisations").values({ id, name: "Test" }).execute();
  return id;
}

export interface TestJob {
  id: string;
  jobNo: number;
}

/** A running job with the grids given. */
export async function addJob(
  { database: { db }, organisationId }: World,
  grids: readonly (Grid & Partial<LocatedGrid>)[],
  options: { locations?: string[]; timeoutMs?: number } = {},
): Promise<TestJob> {
  const id = randomUUID();
  const { job_no: jobNo } = await db
    .insertInto("jobs")
    .values({
      id,
      organisation_id: organisationId,
      requester_id: null,
      title: "Test",
      type: "tcp",
      target: "127.0.0.1:1",
      options: JSON.stringify({ timeoutMs: options.timeoutMs ?? 1_000 }),
      cadence_ms: grids.at(-1)?.cadenceMs ?? 1_000,
      duration_seconds: null,
      monitoring_mode: "real_polling",
      simulation: "{}",
      locations: options.locations ?? ["default"],
      thresholds: "{}",
      status: "running",
    })
    .returning("job_no")
    .executeTakeFirstOrThrow();
  if (grids.length > 0) {
    await db
      .insertInto("job_grids")
      .values(
        grids.map((grid) => ({
          job_no: jobNo,
          from_slot: grid.fromSlot,
          to_slot: grid.toSlot,
          cadence_ms: grid.cadenceMs,
          first_sequence: grid.firstSequence,
          location_count: grid.locationCount ?? options.locations?.length ?? 1,
        })),
      )
      .execute();
  }
  return { id, jobNo };
}

/** A sample as the poller would write it; a success of 10 ms unless said otherwise. */
export function sampleAt(slot: number, jobNo: number, more: Partial<SampleRecord> = {}): SampleRecord {
  return {
    slot,
    jobNo,
    locationNo: 1,
    status: 0,
    rttUs: 10_000,
    jitterUs: null,
    latenessUs: 250,
    sequenceNumber: Math.floor(slot / 100),
    recordedAtMs: slot + 10.25,
    errorCode: null,
    error: null,
    phases: null,
    ...more,
  };
}

export async function store(world: World, samples: SampleRecord[], now = Date.now()): Promise<void> {
  await storeBatch(world.database, { samples, strays: [] }, now);
}
