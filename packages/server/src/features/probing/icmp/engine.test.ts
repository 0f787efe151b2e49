import { execFile } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { compiledFile } from "../../../platform/paths.js";
import { ResultKind } from "./rings.js";
import { Echoes, PLAIN, whyNoIcmp } from "../../../../test/echoes.js";

const obstacle = await whyNoIcmp();

/** A machine that is busy with something else may spoil a measurement of time; it does not spoil four in a row. */
const SLOW_MACHINE = { retry: 3 };

describe.skipIf(obstacle !== null)(`ICMP engine${obstacle === null ? "" : ` (skipped: ${obstacle})`}`, () => {
  test("measures loopback by IPv4 and IPv6", async () => {
    await using echoes = await Echoes.start();
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      const before = Date.now();
      const echo = await echoes.probe(address);
      expect(echo.kind).toBe("reply");
      expect(echo.rttNs).toBeGreaterThan(0);
      expect(echo.rttNs).toBeLessThan(50e6);
      expect(echo.sentAtMs).toBeGreaterThanOrEqual(before - 1);
      expect(echo.receivedAtMs).toBeGreaterThanOrEqual(echo.sentAtMs);
    }
    expect(echoes.engine.stats()).toMatchObject({ sent: 3, replies: 3, fallbackStamps: 0, outstanding: 0 });
  });

  test("takes every payload size and TTL", async () => {
    await using echoes = await Echoes.start();
    for (const address of ["127.0.0.1", "::1"])
      for (const payloadBytes of [16, 17, 56, 1_399, 1_400])
        for (const ttl of [1, 255])
          expect(await echoes.probe(address, { payloadBytes, ttl })).toMatchObject({ kind: "reply" });
    expect(() => echoes.engine.addTarget("127.0.0.1", { payloadBytes: 15, ttl: 64 })).toThrow("16 to 1400");
  });

  test("refuses what is not an address with a sentence", async () => {
    await using echoes = await Echoes.start();
    for (const text of ["", "localhost", "; rm", "-f", "127.0.0.1:80", "127.1", "1.2.3.4.5", "127.0.0.1%lo"])
      expect(() => echoes.engine.addTarget(text, PLAIN)).toThrow("is not an IP address");
    expect(() => echoes.engine.addTarget("fe80::1%none0", PLAIN)).toThrow("network interface");
  });

  test("gives every one of 20,000 probes to 5,000 addresses its own result", async () => {
    await using echoes = await Echoes.start();
    const { engine } = echoes;
    const targets = Array.from({ length: 5_000 }, (_, index) =>
      engine.addTarget(`127.1.${index >> 8}.${index & 255}`, PLAIN),
    );
    for (let tag = 0; tag < 20_000; tag += 1)
      echoes.send(targets[tag % targets.length] ?? 0, { tag, timeoutMs: 5_000 });
    await echoes.until(20_000);
    expect(echoes.countOf("reply")).toBe(20_000);
    expect(new Set(echoes.all.map((echo) => echo.tag)).size).toBe(20_000);
    expect(echoes.strays).toEqual([]);
    expect(engine.stats()).toMatchObject({
      sent: 20_000,
      replies: 20_000,
      kernelDrops: 0,
      fallbackStamps: 0,
    });
  });

  test(
    "sends when the probe is due, never earlier, while the main thread is busy",
    SLOW_MACHINE,
    async () => {
      await using echoes = await Echoes.start();
      const target = echoes.engine.addTarget("127.0.0.1", PLAIN);
      const now = Date.now();
      const dueTimes = Array.from({ length: 50 }, (_, index) => now + 20 + index * 4);
      for (const [tag, dueAtMs] of dueTimes.entries()) echoes.send(target, { tag, dueAtMs });
      while (Date.now() < now + 250);
      await echoes.until(dueTimes.length);
      const lateness = echoes.all
        .map((echo) => echo.sentAtMs - (dueTimes[echo.tag] ?? 0))
        .sort((a, b) => a - b);
      expect(lateness[0]).toBeGreaterThan(-0.01);
      expect(lateness[25]).toBeLessThan(20);
    },
  );

  test("loses no result while the main thread does not take them", async () => {
    await using echoes = await Echoes.start({ limits: { resultRing: 512 } });
    const target = echoes.engine.addTarget("127.0.0.1", PLAIN);
    for (let tag = 0; tag < 5_000; tag += 1) echoes.send(target, { tag, timeoutMs: 100 });
    const until = Date.now() + 400;
    while (Date.now() < until);
    await echoes.until(5_000);
    // The answers waited in the kernel with their stamps, so not one timed out.
    expect(echoes.countOf("reply")).toBe(5_000);
    expect(echoes.engine.stats().stalledTicks).toBeGreaterThan(0);
    const slowest = Math.max(...echoes.all.map((echo) => echo.rttNs));
    expect(slowest).toBeLessThan(100e6);
  });

  test("an idle engine costs nothing to speak of", SLOW_MACHINE, async () => {
    await using echoes = await Echoes.start();
    await echoes.probe("127.0.0.1");
    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(100_000);
    expect((await echoes.probe("127.0.0.1")).kind).toBe("reply");
  });

  test("a program that forgets to close its engine ends all the same", async () => {
    const engine = pathToFileURL(compiledFile("features/probing/icmp/index.js")).href;
    const program = `
      import { IcmpEngine } from "${engine}";
      const engine = await IcmpEngine.start({ onResult: ({ kind }) => console.log(kind) });
      engine.submit(engine.addTarget("127.0.0.1", { payloadBytes: 56, ttl: 64 }), 0, Date.now(), 1_000);`;
    const node = promisify(execFile);
    const { stdout } = await node(process.execPath, ["--input-type=module", "--eval", program], {
      timeout: 10_000,
    });
    expect(stdout).toBe(`${ResultKind.reply}\n`);
  });

  test("a route that does not exist is our fault: the errno says so", async () => {
    await using echoes = await Echoes.start();
    // Interface-local multicast: there is no route for it on loopback.
    const echo = await echoes.probe("ff01::1234%1");
    expect(echo).toMatchObject({ kind: "sendError", errno: constants.errno.ENETUNREACH });
    // Broadcast is not permitted to us.
    expect((await echoes.probe("127.255.255.255")).errno).toBe(constants.errno.EACCES);
    // The next probe is not disturbed by it.
    expect(await echoes.probe("127.0.0.1")).toMatchObject({ kind: "reply" });
    expect(echoes.engine.stats().fallbackStamps).toBe(0);
  });
});
