import { Simulation } from "@nightbell/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSimulatedProber, simulate } from "./simulator.js";

const history = (settings: object, count = 2_000, seed = "job") =>
  Array.from({ length: count }, (_, k) =>
    simulate({ slot: k * 1_000, seed, simulation: Simulation.parse(settings), timeoutMs: 5_000 }),
  );
const share = (outcomes: { status: string }[], status: string) =>
  outcomes.filter((outcome) => outcome.status === status).length / outcomes.length;

describe("simulator", () => {
  it("tells the same history every time, and another one for another job", () => {
    const settings = { lossPercent: 10, systemErrorPercent: 5, outageEverySeconds: 100, outageSeconds: 10 };
    expect(history(settings)).toEqual(history(settings));
    expect(history(settings)).not.toEqual(history(settings, 2_000, "other"));
  });

  it("keeps to latency and jitter", () => {
    const rtts = history({ latencyMs: 50, jitterMs: 5 }).map(({ rttUs }) => (rttUs ?? 0) / 1_000);
    const mean = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
    const deviation = Math.sqrt(rtts.reduce((sum, rtt) => sum + (rtt - mean) ** 2, 0) / rtts.length);
    expect(mean).toBeCloseTo(50, 0);
    expect(deviation).toBeGreaterThan(4.5);
    expect(deviation).toBeLessThan(5.5);
  });

  it("loses and fails as often as told", () => {
    const outcomes = history({ lossPercent: 20, systemErrorPercent: 10 });
    expect(share(outcomes, "system_error")).toBeCloseTo(0.1, 1);
    expect(share(outcomes, "missed")).toBeCloseTo(0.18, 1);
    expect(share(history({}), "success")).toBe(1);
  });

  it("is out for whole stretches at a regular distance", () => {
    const outcomes = history({ outageEverySeconds: 100, outageSeconds: 10 }, 1_000);
    const line = outcomes.map(({ status }) => (status === "missed" ? "x" : ".")).join("");
    expect(line.match(/\.+|x+/g)?.slice(1, -1)).toEqual(
      expect.arrayContaining(["x".repeat(10), ".".repeat(90)]),
    );
    expect(share(outcomes, "missed")).toBeCloseTo(0.1, 2);
  });

  it("never answers after the timeout", () => {
    const settings = fc.record({
      latencyMs: fc.integer({ min: 0, max: 60_000 }),
      jitterMs: fc.integer({ min: 0, max: 10_000 }),
      lossPercent: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(
        settings,
        fc.nat(),
        fc.string(),
        fc.integer({ min: 10, max: 60_000 }),
        (each, slot, seed, timeoutMs) => {
          const outcome = simulate({ slot, seed, simulation: Simulation.parse(each), timeoutMs });
          expect(outcome.delayMs).toBeLessThanOrEqual(timeoutMs);
          expect(outcome.rttUs === null).toBe(outcome.status !== "success");
          expect(outcome.rttUs ?? 1).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("answers when the simulated target would, or when cancelled", async () => {
    const prober = createSimulatedProber("http", Simulation.parse({ latencyMs: 50, jitterMs: 0 }));
    const request = { target: "", options: { timeoutMs: 5_000 }, slot: 1, seed: "job" };
    const startedAt = performance.now();
    const outcome = await prober.probe(request, new AbortController().signal);
    expect(outcome).toEqual({
      status: "success",
      rttUs: 50_000,
      errorCode: null,
      error: null,
      phases: null,
      address: null,
    });
    expect(performance.now() - startedAt).toBeGreaterThan(48);
    expect(await prober.probe(request, AbortSignal.abort())).toMatchObject({ errorCode: "cancelled" });
  });
});
