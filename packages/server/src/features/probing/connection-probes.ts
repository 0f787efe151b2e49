// Runs the probes that open connections, within the concurrency limit, and those that are simulated, without one.
import type { Clock } from "../../platform/clock.js";
import type { ConcurrencyLimit } from "./concurrency.js";
import type { ProbeOutcome } from "./prober.js";
import type { PendingSample, Recorder } from "./recorder.js";

/** Runs one try; ends within 20 ms of its timeout or of the signal. */
export type Measure = (signal: AbortSignal) => Promise<ProbeOutcome>;

export class ConnectionProbes {
  readonly #recorder: Recorder;
  readonly #limit: ConcurrencyLimit;
  readonly #clock: Clock;
  readonly #cancellation = new AbortController();

  constructor(recorder: Recorder, limit: ConcurrencyLimit, clock: Clock) {
    this.#recorder = recorder;
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Starts at once. */
  start(pending: PendingSample, measure: Measure): void {
    void this.#run(pending, measure);
  }

  /** Starts when a place is free; a probe that waits as long as its timeout is given up as `overloaded`. */
  startWithinLimit(pending: PendingSample, measure: Measure): void {
    const { timeoutMs } = pending.job.definition.options;
    this.#limit.submit({
      deadline: this.#clock.monotonic() + timeoutMs,
      run: () => this.#run(pending, measure),
      expire: () =>
        this.#recorder.fail(
          pending,
          "overloaded",
          `the probe could not start within ${timeoutMs} ms: ${this.#limit.active} others were under way`,
        ),
      drop: () => this.#recorder.abandon(pending),
    });
  }

  dropWaiting(): void {
    this.#limit.clear();
  }

  /** Ends what runs as cancelled, and whatever is started after it. */
  cancel(): void {
    this.#cancellation.abort();
  }

  async #run(pending: PendingSample, measure: Measure): Promise<void> {
    const startedAtMs = this.#clock.now();
    let outcome: ProbeOutcome;
    try {
      outcome = await measure(this.#cancellation.signal);
    } catch (error) {
      this.#recorder.bug(pending, error);
      return;
    }
    this.#recorder.finish(pending, outcome, startedAtMs);
  }
}
