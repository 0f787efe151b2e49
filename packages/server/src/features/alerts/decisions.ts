// From what evaluators find to what is decided: a queue that never holds up measuring, and a loop that empties it.
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { Trouble } from "../../platform/trouble.js";
import { applyDecisions, MAX_PAIRS, type Question } from "./apply.js";
import type { Statement } from "./decide.js";
import type { AlertMetrics } from "./metrics.js";
import type { LiveRule } from "./rule-book.js";

/** Beyond this many the rest stays unreported in the states, where `overflowed` has it found later. */
const MAX_QUEUED = 100_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/** What one rule knows of one job at one location. */
export interface RuleState {
  readonly rule: LiveRule;
  readonly row: number;
  readonly jobNo: number;
  readonly locationNo: number;
  /** That it became bad, until that is decided: also when it is good again by then. */
  raised: Statement | null;
  /** What it is told happened before it was watched, and is decided by its end alone. */
  isPast: boolean;
  /** Waits in the queue. */
  isQueued: boolean;
  /** The row belongs to somebody else by now. */
  isGone: boolean;
}

export interface DecisionsOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AlertMetrics;
  /** The queue had no room for all, and is empty now: `add` what is still unreported. */
  readonly overflowed: () => void;
}

export class Decisions {
  readonly #options: DecisionsOptions;
  readonly #trouble: Trouble;
  #queue: { state: RuleState; since: number }[] = [];
  #loop: Promise<void> | null = null;
  #hasOverflowed = false;
  #failures = 0;
  readonly #abort = new AbortController();

  constructor(options: DecisionsOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.log, {
      began: "alerts cannot be decided; they are as soon as the database answers",
      over: "alerts can be decided again",
    });
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** The state differs from what the database was told. Never waits, never throws. */
  add(state: RuleState): void {
    if (state.isQueued || this.#abort.signal.aborted) return;
    if (this.#queue.length >= MAX_QUEUED) {
      this.#hasOverflowed = true;
      return;
    }
    state.isQueued = true;
    this.#queue.push({ state, since: this.#options.clock.monotonic() });
    this.#start();
  }

  #start(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      if (this.#queue.length > 0 && !this.#abort.signal.aborted) this.#start();
    });
  }

  /** Resolves when nothing is queued. */
  async idle(): Promise<void> {
    await this.#loop;
  }

  /** Decides nothing more; what is left is found again by whoever evaluates these jobs next. */
  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    // One turn of the event loop later, so that a batch of samples is decided together.
    await delay(0);
    while (this.#queue.length > 0 && !this.#abort.signal.aborted) {
      await this.#decideSome();
      if (this.#queue.length === 0 && this.#hasOverflowed) {
        this.#hasOverflowed = false;
        this.#options.overflowed();
      }
    }
  }

  async #decideSome(): Promise<void> {
    const { pool, clock, metrics } = this.#options;
    const taken = this.#queue.splice(0, MAX_PAIRS);
    for (const { state } of taken) state.isQueued = false;
    const current = taken.filter(({ state }) => !state.isGone && isUndecided(state));
    const asked = questionsOf(current.map(({ state }) => state));
    try {
      const { counts, outdated } = await applyDecisions(pool, [...asked.keys()], clock.now());
      this.#trouble.worked();
      this.#failures = 0;
      metrics.decided(counts);
      for (const { since } of current) metrics.decisionSeconds.observe((clock.monotonic() - since) / 1_000);
      for (const [question, states] of asked) {
        // A rule that has been changed is about to be loaded, and its jobs looked at anew.
        if (!outdated.has(question)) this.#report(question, states);
      }
    } catch (error) {
      this.#trouble.failed(error);
      this.#failures += 1;
      this.#queue.unshift(...current.filter(({ state }) => !state.isQueued));
      for (const { state } of current) state.isQueued = true;
      const longestMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
      await delay(longestMs * (0.5 + Math.random() / 2), undefined, { signal: this.#abort.signal }).catch(
        () => undefined,
      );
    }
  }

  #report(question: Question, states: readonly RuleState[]): void {
    for (const [index, state] of states.entries()) {
      if (state.isGone) continue;
      state.rule.states.report(state.row, question.statements[index]?.isBad ?? false);
      state.raised = null;
      // It may have changed while it was decided about.
      if (state.rule.states.isUnreported(state.row)) this.add(state);
    }
  }
}

/** Whether the database is to be told something. */
export function isUndecided(state: RuleState): boolean {
  return state.raised !== null || state.rule.states.isUnreported(state.row);
}

/** What is the case now. */
export function statementOf({ rule: { states }, row, locationNo }: RuleState): Statement {
  return {
    locationNo,
    isBad: states.isBad(row),
    slot: states.newestSlot(row),
    value: states.condition.value(row),
  };
}

/** One question for each rule and job; its statements in the order of the states. */
function questionsOf(states: readonly RuleState[]): Map<Question, RuleState[]> {
  const byPair = new Map<string, RuleState[]>();
  for (const state of states) {
    const key = `${state.rule.id} ${state.jobNo}`;
    const ofPair = byPair.get(key);
    if (ofPair === undefined) byPair.set(key, [state]);
    else ofPair.push(state);
  }
  const questions = new Map<Question, RuleState[]>();
  for (const ofPair of byPair.values()) {
    const [{ rule, jobNo }] = ofPair as [RuleState];
    // One that has recovered meanwhile is asked about twice: that it was bad, and then that it is over.
    const statements = ofPair.map((state) =>
      state.raised !== null && !rule.states.isBad(state.row) ? state.raised : statementOf(state),
    );
    questions.set({ ruleId: rule.id, jobNo, ruleVersion: rule.version, statements }, ofPair);
  }
  return questions;
}
