// Calls each job at its slots: the timing wheel, the wall clock that drives it, and one timer.
//
// Time here is wall-clock time, because slots are. What happens when it does not simply pass:
// - A moment late (a busy event loop): each job probes the newest of its overdue slots, late; older ones are skipped.
// - More than MAX_BEHIND_MS late (the machine slept, the clock was set forward): overdue slots are skipped, counted,
//   and jobs go on with their next slot. Nothing is made up for in a burst.
// - Backwards: every job keeps its next slot. The slots in between were probed before the step and have their sample, so
//   a job is silent until the clock passes its last slot again; only new jobs start at once.
import type { Clock } from "../../platform/clock.js";
import type { MeasuredJob } from "./measured-job.js";
import { decideTurn, firstSlot, MAX_BEHIND_MS, slotAtOrAfter } from "./slots.js";
import { TimingWheel } from "./wheel.js";

/** The timer is never set further ahead than this, so that a stepped clock is noticed. */
const LONGEST_SLEEP_MS = 100;
const SHORTEST_SLEEP_MS = 1;

export interface ScheduleEvents {
  /** Probe this slot now, or at its time when it lies ahead. */
  start(job: MeasuredJob, slot: number): void;
  /** Slots were given up. */
  skipped(job: MeasuredJob, count: number): void;
  /** The job's grids have no further slot. */
  exhausted(job: MeasuredJob): void;
  /** The wall clock went otherwise than the monotonic one by `stepMs`, or the process stood still for `behindMs`. */
  timeJumped(jump: { stepMs: number; behindMs: number }): void;
}

export class Schedule {
  readonly #clock: Clock;
  readonly #events: ScheduleEvents;
  readonly #wheel: TimingWheel;
  /** Jobs by their entry in the wheel; entries of removed jobs are used again. */
  readonly #jobs: (MeasuredJob | undefined)[] = [];
  readonly #freeEntries: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Infinity;
  #running = false;
  #monotonic: number;

  constructor(clock: Clock, events: ScheduleEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#wheel = new TimingWheel(clock.now());
    this.#monotonic = clock.monotonic();
  }

  start(): void {
    this.#running = true;
    this.#sleep();
  }

  /** No slot starts after this. */
  stop(): void {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Takes a job in, or takes note that its grids changed. */
  put(job: MeasuredJob): void {
    if (job.entry === null) {
      job.entry = this.#freeEntries.pop() ?? this.#jobs.length;
      this.#jobs[job.entry] = job;
    }
    const now = Math.floor(this.#clock.now());
    const { grids } = job.definition;
    const waitsFor = job.nextSlot ?? Infinity;
    // A slot that is overdue right now is left to the next tick, which starts or counts it.
    job.nextSlot = waitsFor <= now ? slotAtOrAfter(grids, waitsFor) : firstSlot(grids, now, job.lastSlot + 1);
    this.#enqueue(job, job.entry);
    if (this.#running && this.#wheel.nextAt() < this.#timerAt) this.#sleep();
  }

  remove(job: MeasuredJob): void {
    if (job.entry === null) return;
    this.#wheel.remove(job.entry);
    this.#jobs[job.entry] = undefined;
    this.#freeEntries.push(job.entry);
    job.entry = null;
  }

  /** Starts what is due. Called by the timer; tests with a clock of their own call it themselves. */
  tick(): void {
    const now = Math.floor(this.#clock.now());
    const behindMs = now - this.#wheel.time;
    const monotonic = this.#clock.monotonic();
    const stepMs = behindMs - (monotonic - this.#monotonic);
    this.#monotonic = monotonic;
    if (behindMs < 0) this.#wheel.restart(now);
    const behind = behindMs > MAX_BEHIND_MS;
    if (behind || behindMs < 0) this.#events.timeJumped({ stepMs, behindMs });
    this.#wheel.advance(now, (entry) => {
      const job = this.#jobs[entry];
      if (job?.nextSlot === undefined || job.nextSlot === null) return;
      const turn = decideTurn(job.definition.grids, job.nextSlot, now, behind);
      job.nextSlot = turn.next;
      if (turn.skipped > 0) this.#events.skipped(job, turn.skipped);
      if (turn.start !== null) {
        job.lastSlot = turn.start;
        this.#events.start(job, turn.start);
      }
      // `start` may have removed the job.
      if (job.entry === entry) this.#enqueue(job, entry);
    });
  }

  #enqueue(job: MeasuredJob, entry: number): void {
    if (job.nextSlot !== null) {
      this.#wheel.schedule(entry, job.nextSlot - job.leadMs);
      return;
    }
    this.#wheel.remove(entry);
    this.#events.exhausted(job);
  }

  #sleep(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const now = this.#clock.now();
    const sleepMs = Math.min(Math.max(this.#wheel.nextAt() - now, SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS);
    this.#timerAt = now + sleepMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.tick();
      if (this.#running) this.#sleep();
    }, sleepMs);
  }
}
