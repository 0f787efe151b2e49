import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createFolder } from "../../../test/harness.js";
import { sampleAt } from "../../../test/samples.js";
import { createLogger } from "../../platform/log.js";
import type { Batch } from "./sample.js";
import { Spool } from "./spool.js";

const log = createLogger("silent", "test");
const open = (folder: string, maxBytes = 1e9) => Spool.open(folder, { maxBytes, log });

const batch = (first: number, count = 3): Batch => ({
  samples: Array.from({ length: count }, (_, index) =>
    sampleAt(first + index, 1, { error: "refused", errorCode: "connection_refused", phases: { connect: 1 } }),
  ),
  strays: [{ hourSlot: 0, jobNo: first, locationNo: 1, duplicates: 1, late: 2 }],
});

async function drain(spool: Spool): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let next = await spool.peek(); next !== null; next = await spool.peek()) {
    batches.push(next);
    await spool.shift();
  }
  return batches;
}

async function lastSegment(root: string): Promise<string> {
  const folder = join(root, "0");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".segment"));
  return join(folder, names.sort().at(-1) ?? "");
}

test("is closed to other users of the machine, lock and all", async () => {
  const folder = join(await createFolder(), "spool");
  const spool = await open(folder);
  for (const path of [folder, join(folder, "0/lock")]) expect((await stat(path)).mode & 0o077).toBe(0);
  await spool.close();
});

test("gives batches back in order, also after a restart and while more are appended", async () => {
  const folder = await createFolder();
  const first = await open(folder);
  await first.append(batch(10));
  await first.append(batch(20));
  expect(await first.peek()).toEqual(batch(10));
  await first.append(batch(30));
  await first.close();

  const second = await open(folder);
  expect(second.isEmpty).toBe(false);
  await second.append(batch(40));
  expect(await drain(second)).toEqual([batch(10), batch(20), batch(30), batch(40)]);
  expect(second.isEmpty).toBe(true);
  expect(second.bytes).toBe(0);
  await second.close();
});

test("gives small batches back as one, and keeps them until that one is done with", async () => {
  const spool = await open(await createFolder());
  for (const first of [10, 20, 30]) await spool.append(batch(first));
  const bytes = spool.bytes;
  expect((await spool.peek((bytes * 2) / 3))?.samples).toEqual([...batch(10).samples, ...batch(20).samples]);
  expect(await spool.peek()).toEqual(batch(10));
  const all = await spool.peek(bytes);
  expect(all?.samples).toHaveLength(9);
  expect(all?.strays).toHaveLength(3);
  await spool.append(batch(40));
  await spool.shift();
  expect(await drain(spool)).toEqual([batch(40)]);
  await spool.close();
});

test("leaves out what a kill tore off, and what the disk damaged after it", async () => {
  const folder = await createFolder();
  let spool = await open(folder);
  for (const first of [10, 20, 30]) await spool.append(batch(first));
  await spool.close();
  const path = await lastSegment(folder);
  const whole = await readFile(path);

  await truncate(path, whole.length - 5);
  spool = await open(folder);
  expect(await drain(spool)).toEqual([batch(10), batch(20)]);
  await spool.close();

  const damaged = Buffer.from(whole);
  damaged.writeUInt8((damaged[whole.length / 2] ?? 0) ^ 1, Math.floor(whole.length / 2));
  await writeFile(path, damaged);
  await appendFile(path, Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]));
  spool = await open(folder);
  expect(await drain(spool)).toEqual([batch(10)]);
  await spool.close();
});

test("goes on when a segment that is done with cannot be removed", async () => {
  const folder = await createFolder();
  const spool = await open(folder);
  await spool.append(batch(10));
  await spool.peek();
  const stuck = await lastSegment(folder);
  await rm(stuck);
  await mkdir(stuck);
  await spool.shift();
  expect(spool.isEmpty).toBe(true);
  await spool.append(batch(20));
  await spool.append(batch(30));
  expect(await drain(spool)).toEqual([batch(20), batch(30)]);
  await spool.close();
});

test("drops the oldest beyond its bound", async () => {
  const spool = await open(await createFolder(), 20_000_000);
  let dropped = 0;
  const many = batch(0, 100);
  for (const sample of many.samples) sample.error = "x".repeat(50_000);
  for (let round = 0; round < 8; round += 1)
    dropped += await spool.append({ ...many, strays: batch(round).strays });
  expect(spool.bytes).toBeLessThanOrEqual(20_000_000);
  const left = (await drain(spool)).map(({ strays }) => strays[0]?.jobNo);
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThan(8);
  expect(left).toEqual([0, 1, 2, 3, 4, 5, 6, 7].slice(-left.length));
  expect(dropped).toBeGreaterThan(0);
  await spool.close();
});

test("of two at once each has a folder of its own", async () => {
  const folder = await createFolder();
  const [first, second] = [await open(folder), await open(folder)];
  await first.append(batch(10));
  await second.append(batch(20));
  expect(await drain(first)).toEqual([batch(10)]);
  expect(await drain(second)).toEqual([batch(20)]);
  await Promise.all([first.close(), second.close()]);
});

test("takes over what ended ones left behind, after its own, and leaves living ones alone", async () => {
  const folder = await createFolder();
  const spools = [await open(folder), await open(folder), await open(folder)];
  for (const [index, spool] of spools.entries()) await spool.append(batch(index));
  await spools[0]?.close();
  await spools[2]?.close();

  const next = await open(folder);
  expect(await drain(next)).toEqual([batch(0), batch(2)]);
  expect(await drain(spools[1] ?? next)).toEqual([batch(1)]);
  await Promise.all([next.close(), spools[1]?.close()]);
});
