import { describe, expect, it } from "vitest";
import { whyNoIcmp } from "../../../test/echoes.js";
import { eventually } from "../../../test/harness.js";
import { systemClock } from "../../platform/clock.js";
import { createLogger } from "../../platform/log.js";
import { IcmpEngine, IcmpUnavailableError } from "./icmp/index.js";
import { IcmpLink } from "./icmp-link.js";
import type { Failure } from "./outcome.js";

const log = createLogger("silent", "test");
const noIcmp = await whyNoIcmp();
type Start = typeof IcmpEngine.start;

function link(startEngine: Start) {
  const losses: Failure[] = [];
  const answers: number[] = [];
  const opened = new IcmpLink(
    {
      onResult: ({ tag }) => answers.push(tag),
      onStray: () => undefined,
      onLoss: (failure) => losses.push(failure),
    },
    { clock: systemClock, log, startEngine, limits: { maxOutstanding: 64, maxTargets: 64 } },
  );
  return { opened, losses, answers };
}

describe("IcmpLink", () => {
  it("says why there is no engine, and asks again only after a pause", async () => {
    let attempts = 0;
    const { opened } = link(() => {
      attempts += 1;
      throw new IcmpUnavailableError("permission", "grant it like this");
    });
    await opened.start();
    expect(opened.engine).toBeNull();
    await opened.start();
    expect(attempts).toBe(1);
    expect(opened.failure).toEqual({ code: "permission", error: "grant it like this" });
    await eventually(async () => {
      await opened.start();
      expect(attempts).toBe(2);
    });
    await opened.close();
  });

  it("reports the death of an engine and starts another one", async ({ skip }) => {
    if (noIcmp !== null) skip(noIcmp);
    const engines: IcmpEngine[] = [];
    const deaths: ((error: Error) => void)[] = [];
    const { opened, losses, answers } = link(async (options) => {
      deaths.push((error) => options.onFailure?.(error));
      const engine = await IcmpEngine.start(options);
      engines.push(engine);
      return engine;
    });
    await opened.start();
    expect(opened.engine).toBe(engines[0]);
    deaths[0]?.(new Error("out of memory"));
    expect(losses).toHaveLength(1);
    expect(losses[0]).toMatchObject({
      code: "socket",
      error: expect.stringContaining("out of memory") as string,
    });
    expect(opened.engine).toBeNull();
    const second = await eventually(() => {
      const { engine } = opened;
      expect(engine).not.toBeNull();
      return engine;
    });
    expect(second).not.toBe(engines[0]);
    const target = second?.addTarget("127.0.0.1", { payloadBytes: 56, ttl: 64 }) ?? -1;
    second?.submit(target, 42, Date.now(), 1_000);
    await eventually(() => expect(answers).toEqual([42]));
    await opened.close();
    await engines[0]?.close();
  });
});
