// One instance of the API, and what remote pollers and those who pretend to be one do with it.
import { gzipSync } from "node:zlib";
import type { Job, NewPollerToken, UploadBody, UploadReceipt } from "@nightbell/contract";
import { expect } from "vitest";
import { startApi } from "../src/bin/roles/api.js";
import { loadConfig } from "../src/config/config.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { ensurePartitions } from "../src/features/samples/index.js";
import { createLogger } from "../src/platform/log.js";
import { type ApiClient, apiClient, createDatabase } from "./harness.js";

/** Every bucket: a poller that measures all of its location. */
export const ALL_BUCKETS = Buffer.alloc(1_024, 0xff).toString("base64");

export interface RemoteWorld extends AsyncDisposable {
  readonly url: string;
  readonly database: DatabaseHandle;
  /** A client of a fresh account, the owner of its own organisation. */
  owner(): Promise<ApiClient>;
  /** A client that carries a token instead of a session. */
  as(token: string | null): ApiClient;
}

export async function remoteWorld(): Promise<RemoteWorld> {
  const database = await createDatabase();
  const handle = openDatabase(database.url, { poolSize: 10, applicationName: "remote-world" });
  await ensurePartitions(handle.db, Date.now());
  const api = await startApi({
    config: loadConfig({
      PORT: "0",
      NODE_ENV: "test",
      OPEN_REGISTRATION: "true",
      REGISTRATIONS_PER_HOUR: "1000",
    }),
    database: handle,
    log: createLogger("error", "test"),
    lifecycle: () => "running",
    collectMetrics: async () => [],
    pollerTrouble: () => null,
  });
  const url = `http://127.0.0.1:${api.port}`;
  const as = (token: string | null) => {
    const client = apiClient(url);
    client.token = token;
    return client;
  };
  return {
    url,
    database: handle,
    as,
    async owner() {
      const client = apiClient(url);
      await client.register();
      return client;
    },
    async [Symbol.asyncDispose]() {
      await api.stop(5_000);
      await handle.close();
      await database.drop();
    },
  };
}

export async function makeToken(client: ApiClient, location: string): Promise<NewPollerToken> {
  const { status, body } = await client.post<NewPollerToken>("/api/poller-tokens", {
    name: `for ${location}`,
    location,
  });
  expect(status).toBe(201);
  return body;
}

export async function makeJob(client: ApiClient, job: object): Promise<Job> {
  const { status, body } = await client.post<Job>("/api/jobs", {
    title: "remote",
    type: "tcp",
    target: "127.0.0.1:1",
    cadenceSeconds: 1,
    monitoringMode: "simulated",
    ...job,
  });
  expect(status).toBe(201);
  return body;
}

/** Sends samples as a poller does. */
export async function upload(
  url: string,
  token: string,
  body: Partial<UploadBody>,
): Promise<{ status: number; body: UploadReceipt }> {
  const whole: UploadBody = {
    id: "0190a0a0-0000-7000-8000-000000000001",
    number: 0,
    changedJobs: [],
    samples: [],
    strays: [],
    ...body,
  };
  return sendPacked(url, token, gzipSync(JSON.stringify(whole)));
}

export async function sendPacked(
  url: string,
  token: string,
  body: Buffer,
): Promise<{ status: number; body: UploadReceipt }> {
  const response = await fetch(new URL("/api/poller/samples", url), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/gzip" },
    body: new Uint8Array(body),
  });
  return { status: response.status, body: (await response.json()) as UploadReceipt };
}
