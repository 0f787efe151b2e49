import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { UploadBody, UploadedSample, type UploadReceipt } from "@nightbell/contract";
import { expect, it } from "vitest";
import { Registry } from "prom-client";
import { createFolder, eventually } from "../../../../test/harness.js";
import { createLogger } from "../../../platform/log.js";
import { type SampleRecord, SampleWriter } from "../../samples/index.js";
import { Link } from "./link.js";
import { RemoteStore } from "./remote-store.js";

const POLLER = "0190a0a0-0000-7000-8000-000000000001";

function sample(slot: number, more: Partial<SampleRecord> = {}): SampleRecord {
  return {
    slot,
    jobNo: 1,
    locationNo: 3,
    status: 1,
    rttUs: null,
    jitterUs: null,
    latenessUs: 0,
    sequenceNumber: slot,
    recordedAtMs: slot,
    errorCode: "connection_refused",
    error: "refused",
    phases: null,
    ...more,
  };
}

type Answer = (body: UploadBody, response: ServerResponse) => void;

const receipt =
  (body: Partial<UploadReceipt>): Answer =>
  (upload, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ storedCount: upload.samples.length, refused: [], ...body }));
  };

/** A store whose server answers in turn, the last answer for good; and what the server was sent. */
async function storeWith(...answers: Answer[]) {
  const uploads: UploadBody[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const body = UploadBody.parse(JSON.parse(gunzipSync(await buffer(request)).toString()));
    const answer = answers[Math.min(uploads.length, answers.length - 1)];
    uploads.push(body);
    answer?.(body, response);
  };
  const server = createServer((request, response) => void take(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const link = new Link({ url, token: "nbp_x", ca: null }, () => undefined);
  return {
    store: new RemoteStore(link, () => POLLER),
    uploads,
    async [Symbol.asyncDispose]() {
      await link.close();
      server.close();
    },
  };
}

function refuse(
  response: ServerResponse,
  { status, code, retryAfter }: { status: number; code: string; retryAfter?: string },
): void {
  response.writeHead(status, {
    "content-type": "application/problem+json",
    ...(retryAfter !== undefined && { "retry-after": retryAfter }),
  });
  response.end(JSON.stringify({ type: "x", title: "x", status, detail: "no", code, requestId: "1" }));
}

/** In a folder of its own, which stays with the tests' other folders. */
const openWriter = async (
  store: RemoteStore,
  { batchSize, registry = new Registry() }: { batchSize: number; registry?: Registry },
) =>
  SampleWriter.open({
    store,
    spoolFolder: await createFolder(),
    spoolMaxBytes: 16 * 1024 ** 2,
    batchSize,
    flushIntervalMs: 50,
    log: createLogger("silent", "test"),
    registry,
  });

const numbers = (uploads: readonly UploadBody[]) => uploads.map(({ number }) => number);

it("cuts a batch into uploads that the server takes, in order, and adds up what it says", async () => {
  await using world = await storeWith(receipt({}));
  const samples = Array.from({ length: 4_000 }, (_, slot) =>
    sample(slot, { error: slot < 1_000 ? "x".repeat(1_900) : null }),
  );
  const outcome = await world.store.store({ samples, strays: [] });
  expect(outcome).toEqual({ storedCount: 4_000, obsoleteCount: 0, contradicted: [], rejected: [] });
  expect(world.uploads.flatMap((upload) => upload.samples).map((row) => (row as UploadedSample)[0])).toEqual(
    samples.map(({ slot }) => slot),
  );
  expect(numbers(world.uploads)).toEqual(world.uploads.map((_, index) => index));
  for (const upload of world.uploads) expect(JSON.stringify(upload).length).toBeLessThan(1_000_000);
});

it("sends nothing that the server cannot read, whatever a target said", async () => {
  await using world = await storeWith(receipt({}));
  const error = `\0bad\ud800${"y".repeat(5_000)}`;
  await world.store.store({ samples: [sample(1, { error })], strays: [] });
  const [row] = world.uploads[0]?.samples ?? [];
  expect(UploadedSample.parse(row)[8]).toMatch(/^bad\ufffdy+$/);
});

it("says which samples were refused, and counts the others as stored", async () => {
  await using world = await storeWith(
    receipt({ storedCount: 1, refused: [{ reason: "in_the_future", indexes: [1] }] }),
  );
  const samples = [sample(1), sample(2)];
  expect(await world.store.store({ samples, strays: [] })).toEqual({
    storedCount: 1,
    obsoleteCount: 0,
    contradicted: [],
    rejected: [{ value: samples[1], reason: "in_the_future" }],
  });
});

it("makes no fuss of samples whose job was paused or deleted a moment before", async () => {
  await using world = await storeWith(
    receipt({ storedCount: 0, refused: [{ reason: "off_grid", indexes: [0] }] }),
  );
  expect(await world.store.store({ samples: [sample(1)], strays: [] })).toEqual({
    storedCount: 0,
    obsoleteCount: 1,
    contradicted: [],
    rejected: [],
  });
});

it("sends few uploads for many samples: a poller with 10,000 a second stays well below what the server takes", async () => {
  await using world = await storeWith(receipt({}));
  const writer = await openWriter(world.store, { batchSize: 100 });
  const startedAt = performance.now();
  let added = 0;
  await eventually(
    () => {
      const seconds = (performance.now() - startedAt) / 1_000;
      for (; added < seconds * 10_000; added += 1) writer.add(sample(added, { error: null }));
      expect(seconds).toBeGreaterThan(3);
    },
    { withinMs: 10_000 },
  );
  await writer.flush();
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(world.uploads.flatMap(({ samples }) => samples)).toHaveLength(added);
  expect(world.uploads.length / seconds).toBeLessThan(7);
  await writer.stop(1_000);
});

it("waits for as long as a server says that takes no more uploads of its token", async () => {
  let refusedAt = 0;
  let nextAt = 0;
  await using world = await storeWith(
    (_body, response) => {
      refusedAt = performance.now();
      refuse(response, { status: 429, code: "rate_limited", retryAfter: "1" });
    },
    (body, response) => {
      nextAt = performance.now();
      receipt({})(body, response);
    },
  );
  const upload = () => world.store.store({ samples: [sample(1)], strays: [] });
  await expect(upload()).rejects.toThrow("answered 429");
  expect(await upload()).toMatchObject({ storedCount: 1 });
  expect(nextAt - refusedAt).toBeGreaterThan(995);
  expect(numbers(world.uploads)).toEqual([0, 0]);
});

it("leaves a number out after an upload of which nobody knows whether it arrived, and tells changed jobs again", async () => {
  await using world = await storeWith(
    receipt({}),
    (_body, response) => response.destroy(),
    (_body, response) => refuse(response, { status: 503, code: "database_unavailable" }),
    receipt({}),
  );
  const upload = () => world.store.store({ samples: [sample(1)], strays: [] });
  await upload();
  world.store.jobChanged(7);
  await expect(upload()).rejects.toThrow(/cannot be reached/);
  await expect(upload()).rejects.toThrow("answered 503: no");
  await upload();
  await upload();
  expect(numbers(world.uploads)).toEqual([0, 1, 2, 2, 3]);
  expect(world.uploads.map(({ changedJobs }) => changedJobs)).toEqual([[], [7], [7], [7], []]);
});

it("tells of many changes as of all", async () => {
  await using world = await storeWith(receipt({}));
  for (let jobNo = 0; jobNo < 1_001; jobNo += 1) world.store.jobChanged(jobNo);
  await world.store.store({
    samples: [],
    strays: [{ hourSlot: 0, jobNo: 1, locationNo: 3, duplicates: 1, late: 0 }],
  });
  expect(world.uploads).toMatchObject([{ changedJobs: null, samples: [], strays: [[0, 1, 1, 0]] }]);
});

it("keeps no more than the spool may hold while the server is away: the oldest leave, the others come in order", async () => {
  let isAway = true;
  await using world = await storeWith((body, response) => {
    if (isAway) response.destroy();
    else receipt({})(body, response);
  });
  const registry = new Registry();
  const writer = await openWriter(world.store, { batchSize: 100, registry });
  const error = "x".repeat(1_900);
  // Some 40 MB: each flush comes back when its samples are on disk.
  const batches = 40;
  for (let batch = 0; batch < batches; batch += 1) {
    for (let index = 0; index < 500; index += 1) writer.add(sample(batch * 500 + index, { error }));
    await writer.flush();
    expect(writer.stats.spoolBytes).toBeLessThanOrEqual(17 * 1024 ** 2);
  }
  const dropped = await registry.getSingleMetric("nightbell_spool_dropped_bytes_total")?.get();
  expect(dropped?.values[0]?.value).toBeGreaterThan(16 * 1024 ** 2);

  world.uploads.length = 0;
  isAway = false;
  await eventually(() => expect(writer.stats.spoolBytes).toBe(0), { withinMs: 20_000 });
  const slots = world.uploads.flatMap(({ samples }) => samples.map((row) => (row as UploadedSample)[0]));
  expect(slots.length).toBeGreaterThan(3_000);
  expect(slots).toEqual(slots.map((_, index) => batches * 500 - slots.length + index));
  await writer.stop(1_000);
});
