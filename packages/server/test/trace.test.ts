// Paths over a chain of routers, as `nightbell trace` tells them: whole, broken with and without a word, by both kinds of
// sockets and both address families.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { NetworkPath } from "@nightbell/contract";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { addressesOf } from "../src/features/probing/trace/path.js";
import { runNightbell } from "./harness.js";
import { type Chain, createChain } from "./responder/chain.js";
import { whyNoNetwork } from "./responder/network.js";
import { PROGRAM } from "./run-folder.js";

const run = promisify(execFile);
const obstacle = whyNoNetwork();

describe.skipIf(obstacle !== null)(
  `paths over routers${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    let chain: Chain;
    beforeAll(() => {
      chain = createChain();
    });
    afterEach(() => chain.mend());
    afterAll(() => chain[Symbol.dispose]());

    /** From the first router, where ping sockets can be permitted or not without a change to this machine. */
    async function trace(address: string, mode: "ping" | "raw"): Promise<NetworkPath> {
      const groups = mode === "ping" ? "0 2147483647" : "1 0";
      const permit = `echo "${groups}" >/proc/sys/net/ipv4/ping_group_range`;
      await run("ip", ["netns", "exec", chain.first, "sh", "-c", permit]);
      const command = [process.execPath, PROGRAM, "trace", address, "--json", "-t", "0.3"];
      // Without the capability a raw socket is refused: what is seen comes by the ping socket.
      const drop = ["setpriv", "--bounding-set", "-net_raw,-net_admin,-sys_admin", "--inh-caps", "-all"];
      const withRights = mode === "ping" ? [...drop, ...command] : command;
      const { stdout } = await run("ip", ["netns", "exec", chain.first, ...withRights]).catch(
        (error: { code: number; stdout: string; stderr: string }) => {
          if (error.code !== 1) throw error as unknown as Error;
          return error;
        },
      );
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as NetworkPath;
    }

    const ways = (["ping", "raw"] as const).flatMap((mode) =>
      (["ipv4", "ipv6"] as const).map((family) => ({ mode, family })),
    );

    test.each(ways)("every router answers for its hop ($mode socket, $family)", async ({ mode, family }) => {
      const path = await trace(chain.target[family], mode);
      expect(path.end).toEqual({ kind: "reached", hop: 4, address: chain.target[family], reason: null });
      expect(path.hops.map((hop) => addressesOf(hop))).toEqual(
        chain.hops.slice(1).map((hop) => [hop[family]]),
      );
      for (const { tries } of path.hops) {
        expect(tries).toHaveLength(3);
        for (const { rttMs } of tries) expect(rttMs).toBeGreaterThan(0);
      }
    });

    test.each(ways)(
      "a path that breaks off without a word ends after its last router ($mode socket, $family)",
      async ({ mode, family }) => {
        chain.breakAfter(3, "silently");
        const path = await trace(chain.target[family], mode);
        const address = chain.hops[2]?.[family];
        expect(path.end).toEqual({ kind: "silent", hop: 2, address, reason: null });
        expect(path.hops.map((hop) => addressesOf(hop)[0])).toEqual([
          chain.hops[1]?.[family],
          address,
          undefined,
          undefined,
        ]);
      },
    );

    test.each(ways)(
      "a path ends at the router that says that there is no way on ($mode socket, $family)",
      async ({ mode, family }) => {
        chain.breakAfter(3, "saying so");
        const path = await trace(chain.target[family], mode);
        expect(path.end).toMatchObject({
          kind: "unreachable",
          hop: 2,
          address: chain.hops[2]?.[family],
          reason: expect.stringContaining("unreachable") as string,
        });
      },
    );

    test("the hops are shown as they answer, in no more than the hops asked for", async () => {
      const whole = await runNightbell(["trace", chain.target.ipv4, "-t", "0.3"]);
      expect(whole.code).toBe(0);
      expect(whole.stdout).toMatch(new RegExp(`^  2  ${chain.hops[1]?.ipv4}  \\d+\\.\\d{3} ms$`, "m"));
      expect(whole.stdout).toContain(`The path reaches ${chain.target.ipv4} in 5 hops.`);
      const short = await runNightbell(["trace", chain.target.ipv4, "--max-hops", "2", "--tries", "1"]);
      expect(short.code).toBe(1);
      expect(short.stdout).not.toMatch(/^ {2}3 /m);
      expect(short.stdout).toContain(`The path ends after hop 2 (${chain.hops[1]?.ipv4}).`);
    });
  },
);

test("what makes no sense is refused", async () => {
  for (const args of [["not a host"], ["127.0.0.1", "-m", "31"], ["127.0.0.1", "-q", "0.5"]]) {
    const { code, stderr } = await runNightbell(["trace", ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^nightbell trace: /);
  }
});
