// Slots of heartbeat jobs: has a beat come in time? All that are due at a time are looked up together.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { OptionsOf } from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import { failureLevel } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { type HeartbeatRow, judgeBeat, type LastBeat } from "../heartbeats/index.js";
import { failed, succeeded } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";
import type { PendingSample, Recorder } from "./recorder.js";

/** Slots that wait for a database which does not answer; beyond it they are `overloaded`. */
const MAX_DUE = 50_000;
/** A sample keeps its RTT in 32 bits of microseconds; a run of more than 35 minutes is a success without one. */
const MAX_RTT_US = 2_147_483_647;

export interface HeartbeatProbesOptions {
  /** Ends within seconds, also when the database is frozen. */
  readonly read: (jobNos: readonly number[]) => Promise<HeartbeatRow[]>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Due {
  readonly pending: PendingSample;
  readonly startedAtMs: number;
}

export class HeartbeatProbes {
  readonly #recorder: Recorder;
  readonly #options: HeartbeatProbesOptions;
  #due: Due[] = [];
  #isReading = false;
  /** When the database last gave no answer: beats found nobody to take them either. */
  #awayAt: number | null = null;

  constructor(recorder: Recorder, options: HeartbeatProbesOptions) {
    this.#recorder = recorder;
    this.#options = options;
  }

  start(pending: PendingSample): void {
    if (this.#due.length >= MAX_DUE) {
      this.#recorder.fail(pending, "overloaded", "too many heartbeats wait for the database");
      return;
    }
    this.#due.push({ pending, startedAtMs: this.#options.clock.now() });
    if (!this.#isReading) void this.#readAll();
  }

  /** One look at a time: those that become due meanwhile make up the next one. */
  async #readAll(): Promise<void> {
    this.#isReading = true;
    // The schedule starts all slots of a moment in one turn.
    await nextTurn();
    while (this.#due.length > 0) {
      const due = this.#due;
      this.#due = [];
      await this.#read(due);
    }
    this.#isReading = false;
  }

  async #read(due: readonly Due[]): Promise<void> {
    const { read, clock, log } = this.#options;
    let rows: HeartbeatRow[];
    try {
      rows = await read([...new Set(due.map(({ pending }) => pending.job.definition.jobNo))]);
    } catch (error) {
      log[failureLevel(error)]({ err: error }, "heartbeats cannot be read");
      this.#awayAt = clock.now();
      const outcome = failed({
        code: "database_unavailable",
        error: "the database gave no answer, so nobody knows whether a beat has come",
      });
      for (const { pending, startedAtMs } of due) this.#recorder.finish(pending, outcome, startedAtMs);
      return;
    }
    const now = clock.now();
    const beats = new Map(rows.map((row) => [row.jobNo, beatOf(row, now)]));
    for (const { pending, startedAtMs } of due) {
      const outcome = this.#judge(pending, beats.get(pending.job.definition.jobNo) ?? null);
      if (outcome === null) this.#recorder.abandon(pending);
      else this.#recorder.finish(pending, outcome, startedAtMs);
    }
  }

  /** Null while nothing is overdue: such a slot stays a gap. */
  #judge({ job, slot }: PendingSample, beat: LastBeat | null): ProbeOutcome | null {
    const { grids, options } = job.definition;
    const grid = grids.findLast(({ fromSlot }) => fromSlot <= slot);
    if (grid === undefined) return null;
    const finding = judgeBeat(beat, {
      slot,
      cadenceMs: grid.cadenceMs,
      graceMs: (options as OptionsOf<"heartbeat">).graceSeconds * 1_000,
      runningSince: grid.fromSlot,
      awayAt: this.#awayAt,
    });
    switch (finding.kind) {
      case "waiting":
        return null;
      case "failed":
        return failed(finding);
      case "beating":
        return succeeded({ rttUs: rttOf(finding.durationMs), phases: null, address: null });
    }
  }
}

/** Its time by our clock: the two need not agree. */
function beatOf({ ageMs, kind, durationMs, message }: HeartbeatRow, now: number): LastBeat | null {
  return ageMs === null || kind === null ? null : { at: now - ageMs, kind, durationMs, message };
}

function rttOf(durationMs: number | null): number | null {
  const rttUs = Math.round((durationMs ?? 0) * 1_000);
  return durationMs === null || rttUs > MAX_RTT_US ? null : rttUs;
}
