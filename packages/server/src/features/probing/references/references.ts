// Asks a poller's reference targets, round after round, and knows from their answers whether the poller is online (M16).
import type { ReferenceTarget } from "../../../config/references.js";
import type { Clock } from "../../../platform/clock.js";
import type { Logger } from "../../../platform/log.js";
import type { OfflinePeriod, ReferenceStats } from "../../pollers/index.js";
import type { ProbeOutcome } from "../prober.js";
import {
  afterRound,
  type Answer,
  answerOf,
  type Connectivity,
  judgeMiss,
  ONLINE,
  ROUND_MS,
  ROUNDS_TO_TURN,
  type Verdict,
  verdictOf,
} from "./rules.js";

/** Rounds kept: those of the longest timeout, a minute, and some. */
const MAX_ROUNDS = 90;
/** Offline periods told in the row; of more the oldest are only in the log. */
const MAX_PERIODS = 10;
const PERIOD_MEMORY_MS = 86_400_000;

export interface ReferencesOptions {
  readonly targets: readonly ReferenceTarget[];
  /** Ends within REFERENCE_TIMEOUT_MS and a bit, or at once with the signal; never throws. */
  readonly ask: (target: ReferenceTarget, signal: AbortSignal) => Promise<ProbeOutcome>;
  /** A round has its verdict. */
  readonly decided: () => void;
  /** Asks for a round every ROUND_MS until the returned function is called. */
  readonly every?: (ask: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Reference {
  readonly target: ReferenceTarget;
  isReachable: boolean;
  hasAnswered: boolean;
  error: string | null;
}

interface RunningRound {
  readonly startedAt: number;
  /** The same as milliseconds since the epoch. */
  readonly wallTime: number;
  readonly answers: (Answer | null)[];
  verdict: Verdict;
}

export class References {
  /** For sentences. */
  readonly names: string;
  readonly #options: ReferencesOptions;
  readonly #references: readonly Reference[];
  readonly #abort = new AbortController();
  #rounds: RunningRound[] = [];
  /** Rounds whose verdict is not taken in yet, as one before them is open. */
  #untaken: RunningRound[] = [];
  #taken = 0;
  #connectivity: Connectivity = ONLINE;
  #offlineSince: number | null = null;
  #periods: readonly OfflinePeriod[] = [];
  #endRounds: () => void = () => undefined;

  constructor(options: ReferencesOptions) {
    this.#options = options;
    this.#references = options.targets.map((target) => ({
      target,
      isReachable: false,
      hasAnswered: false,
      error: null,
    }));
    this.names = options.targets.map(({ name }) => name).join(", ");
  }

  start(): void {
    this.#ask();
    this.#endRounds = (this.#options.every ?? everyRound)(() => this.#ask());
  }

  stop(): void {
    this.#endRounds();
    this.#abort.abort();
  }

  /** Whether a probe without success says something about its target; times as of the monotonic clock. */
  judge(probe: { sentAt: number; endedAt: number }): "missed" | "offline" | "open" {
    return judgeMiss(this.#rounds, probe);
  }

  get count(): number {
    return this.#references.length;
  }

  get reachableCount(): number {
    return this.#references.filter(({ isReachable }) => isReachable).length;
  }

  get isOffline(): boolean {
    return this.#connectivity.isOffline;
  }

  stats(): ReferenceStats {
    const oldest = this.#options.clock.now() - PERIOD_MEMORY_MS;
    this.#periods = this.#periods.filter(({ to }) => to > oldest);
    return {
      targets: this.#references.map(({ target, ...state }) => ({ target: target.name, ...state })),
      offlineSince: this.#offlineSince,
      offlinePeriods: this.#periods,
    };
  }

  #ask(): void {
    const { clock } = this.#options;
    const round: RunningRound = {
      startedAt: clock.monotonic(),
      wallTime: clock.now(),
      answers: this.#references.map(() => null),
      verdict: "open",
    };
    this.#rounds = [...this.#rounds.slice(1 - MAX_ROUNDS), round];
    this.#untaken.push(round);
    for (const [index, reference] of this.#references.entries()) {
      void this.#askOne(round, index, reference);
    }
  }

  async #askOne(round: RunningRound, index: number, reference: Reference): Promise<void> {
    const { signal } = this.#abort;
    const outcome = await this.#options.ask(reference.target, signal);
    if (!signal.aborted) this.#hear(round, index, reference, outcome);
  }

  #hear(round: RunningRound, index: number, reference: Reference, outcome: ProbeOutcome): void {
    const answer = answerOf(outcome);
    round.answers[index] = answer;
    reference.isReachable = answer === "answered";
    reference.hasAnswered ||= reference.isReachable;
    reference.error = reference.isReachable ? null : outcome.error;
    if (round.verdict !== "open") return;
    round.verdict = verdictOf(
      this.#references.map(({ hasAnswered }, at) => ({
        answer: round.answers[at] ?? null,
        counts: hasAnswered,
      })),
    );
    if (round.verdict === "open") return;
    this.#takeIn();
    this.#options.decided();
  }

  #takeIn(): void {
    const open = this.#untaken.findIndex(({ verdict }) => verdict === "open");
    const decided = this.#untaken.splice(0, open === -1 ? this.#untaken.length : open);
    for (const { verdict, wallTime } of decided) {
      const { next, turnedAt } = afterRound(this.#connectivity, verdict, wallTime);
      this.#connectivity = next;
      if (turnedAt !== null) this.#turn(turnedAt);
      this.#taken += 1;
      if (this.#taken === ROUNDS_TO_TURN) this.#warnOfUseless();
    }
  }

  #turn(at: number): void {
    const { log } = this.#options;
    const since = this.#offlineSince;
    if (since === null) {
      this.#offlineSince = at;
      log.warn(
        { references: this.names, since: new Date(at) },
        "this poller is offline: no reference target answers; misses are not held against targets",
      );
      return;
    }
    this.#offlineSince = null;
    this.#periods = [...this.#periods.slice(1 - MAX_PERIODS), { from: since, to: at }];
    log.info({ offlineForMs: at - since }, "this poller is online again: a reference target answers");
  }

  #warnOfUseless(): void {
    const { log } = this.#options;
    for (const { target, error, hasAnswered } of this.#references) {
      if (hasAnswered) continue;
      log.warn(
        { reference: target.name, reason: error },
        "a reference target has never answered; until it does, it does not count",
      );
    }
  }
}

function everyRound(ask: () => void): () => void {
  const timer = setInterval(ask, ROUND_MS);
  return () => clearInterval(timer);
}
