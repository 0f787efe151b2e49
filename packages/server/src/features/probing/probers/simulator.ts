/**
 * The simulator (M18): what a target would have answered, as a function of job, slot and settings alone. The same job
 * measured again, by any process, gives the same history, outages and all.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobType, Simulation } from "@nightbell/contract";
import { failed, succeeded } from "../outcome.js";
import type { ProbeOutcome, Prober } from "../prober.js";
import { microseconds } from "./attempt.js";

export interface SimulationRequest {
  /** Milliseconds since the epoch. */
  slot: number;
  seed: string;
  simulation: Simulation;
  timeoutMs: number;
}

export interface SimulatedOutcome extends ProbeOutcome {
  /** After how long the outcome is known. */
  delayMs: number;
}

/** Shortest latency there is, whatever the jitter takes away. */
const MIN_LATENCY_MS = 0.01;

/**
 * Outages begin every `outageEverySeconds`, at a moment of the period that the seed decides, and last `outageSeconds`;
 * loss and system errors are drawn per slot; latency is normally distributed with `jitterMs` as its deviation.
 */
export function simulate({ slot, seed, simulation, timeoutMs }: SimulationRequest): SimulatedOutcome {
  const draw = drawsOf(`${seed}:${slot}`);
  if (draw() * 100 < simulation.systemErrorPercent) {
    const failure = { code: "simulated", error: "a simulated failure of ours" } as const;
    return { ...failed(failure), delayMs: 0 };
  }
  const isLost = draw() * 100 < simulation.lossPercent;
  const latencyMs = Math.max(MIN_LATENCY_MS, simulation.latencyMs + simulation.jitterMs * normal(draw));
  if (isLost || isOut(slot, seed, simulation) || latencyMs > timeoutMs) {
    const failure = { code: "timeout", error: `no answer within ${timeoutMs} ms (simulated)` } as const;
    return { ...failed(failure), delayMs: timeoutMs };
  }
  const rttUs = microseconds(latencyMs);
  return { ...succeeded({ rttUs, phases: null, address: null }), delayMs: rttUs / 1_000 };
}

/** Answers for a job in simulated mode after the time that the simulated target takes. */
export function createSimulatedProber(type: JobType, simulation: Simulation): Prober<{ timeoutMs: number }> {
  return {
    type,
    async probe({ slot, seed, options: { timeoutMs } }, signal) {
      const { delayMs, ...outcome } = simulate({ slot, seed, simulation, timeoutMs });
      try {
        await sleep(delayMs, undefined, { signal });
        return outcome;
      } catch {
        return failed({ code: "cancelled", error: "the probe was cancelled" });
      }
    },
  };
}

function isOut(slot: number, seed: string, { outageEverySeconds, outageSeconds }: Simulation): boolean {
  if (outageEverySeconds === null) return false;
  const periodMs = outageEverySeconds * 1_000;
  const offsetMs = Math.floor(drawsOf(seed)() * periodMs);
  return (slot + offsetMs) % periodMs < outageSeconds * 1_000;
}

/** Numbers in [0, 1), eight at most, that depend on the text alone. */
function drawsOf(text: string): () => number {
  const digest = createHash("sha256").update(text).digest();
  let offset = 0;
  return () => {
    const value = digest.readUInt32LE(offset) / 2 ** 32;
    offset += 4;
    return value;
  };
}

/** Box and Muller's way from two uniform numbers to a normal one. */
function normal(draw: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - draw()));
  return radius * Math.cos(2 * Math.PI * draw());
}
