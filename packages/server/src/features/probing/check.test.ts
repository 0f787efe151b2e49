import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { whyNoIcmp } from "../../../test/echoes.js";
import { runCheck, type CheckOptions } from "./check.js";

const noIcmp = await whyNoIcmp();
const CLOSED = "tcp://127.0.0.1:1";
const quick: CheckOptions = { count: 3, intervalMs: 20, timeoutMs: 1_000, json: false };

async function listening() {
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** What a run printed and returned. */
async function check(
  targets: string[],
  options: Partial<CheckOptions> = {},
  terminal: object = {},
  onPrint: (text: string) => void = () => undefined,
) {
  const printed = { stdout: "", stderr: "" };
  const code = await runCheck(
    targets,
    { ...quick, ...options },
    {
      stdout: {
        write: (text) => {
          printed.stdout += text;
          onPrint(text);
        },
        ...terminal,
      },
      stderr: { write: (text) => (printed.stderr += text) },
    },
  );
  return { code, ...printed };
}

describe("nightbell check", () => {
  it("measures all targets and ends with 0 when each answered every time", async ({ skip }) => {
    if (noIcmp !== null) skip(noIcmp);
    await using server = await listening();
    const { code, stdout } = await check(["127.0.0.1", server.target]);
    expect(code).toBe(0);
    expect(stdout.match(/ ms$/gm)).toHaveLength(6);
    expect(stdout).toMatch(/✓ 127\.0\.0\.1 .* 3 +3 +0 %/);
    expect(stdout).toContain("All 2 targets answered every time.");
  });

  it("ends with 1 when a target fails, and says why", async () => {
    await using server = await listening();
    const { code, stdout } = await check([server.target, CLOSED]);
    expect(code).toBe(1);
    expect(stdout).toContain("connection refused by 127.0.0.1:1");
    expect(stdout).toContain("1 of 2 targets failed.");
  });

  it("ends with 2 and the reasons when targets or options are wrong, before it measures anything", async () => {
    expect(await check(["ftp://x", "127.0.0.1", "127.0.0.1:22"])).toEqual({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /ftp:\/\/x: .*\n.*127\.0\.0\.1:22: .*tcp:\/\/127\.0\.0\.1:22\n$/,
      ) as string,
    });
    expect(await check(["127.0.0.1"], { count: 1.5 })).toMatchObject({ code: 2 });
    expect(await check(["127.0.0.1"], { timeoutMs: 1 })).toMatchObject({ code: 2 });
  });

  it("prints one JSON object a line and a summary at the end", async () => {
    await using server = await listening();
    const { stdout } = await check([server.target, CLOSED], { json: true });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as { kind: string; target?: string; sequenceNumber?: number; ok?: boolean },
      );
    expect(lines.map(({ kind }) => kind)).toEqual([...Array<string>(6).fill("sample"), "summary"]);
    const ofServer = lines.filter(({ target }) => target === server.target);
    expect(ofServer.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2, 3]);
    expect(lines.at(-1)).toMatchObject({ ok: false });
  });

  it("redraws one table in place on a terminal, in colour where it has colours", async () => {
    const terminal = { isTTY: true, columns: 80, rows: 24, hasColors: () => true };
    const { stdout } = await check([CLOSED], {}, terminal);
    const frames = stdout.split("\u001B[J");
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.at(-1)).toContain("\u001B[31m✗");
    expect(frames.at(-1)?.match(/times in ms/g)).toHaveLength(1);
    expect(stdout.startsWith("\u001B[?25l")).toBe(true);
    expect(stdout).toContain("\u001B[?25h");
  });

  it("ends early on Ctrl-C, with what there is", async () => {
    await using server = await listening();
    const startedAt = performance.now();
    const { code, stdout } = await check([server.target], { count: 1_000 }, {}, (text) => {
      if (text.endsWith(" ms\n")) process.emit("SIGINT");
    });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(stdout).toContain("The target answered every time.");
    expect(code).toBe(0);
  });
});
