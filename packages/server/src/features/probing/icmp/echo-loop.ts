// The worker's loop: every millisecond it takes new probes, reads what the sockets received, sends what is due and ends
// what has timed out. RTTs come from kernel stamps, so how late the loop itself runs does not show in them.
import { performance } from "node:perf_hooks";
import type { EchoSocket } from "./echo-socket.js";
import { Ledger } from "./ledger.js";
import * as libc from "../libc.js";
import { Port, RESULT_RESERVE } from "./port.js";
import { ProbeState } from "./probe-table.js";
import {
  Control,
  ResultKind,
  SubmissionKind,
  SubmissionRing,
  TARGET_BYTES,
  TARGET_FAMILY_AT,
  type SharedMemory,
} from "./rings.js";

/** A due time further ahead than this (a stepped clock) counts as this. */
const MAX_LEAD_MS = 1_000;
const MAX_TIMEOUT_MS = 60_000;
/** The main thread is woken at most this often, unless a quarter of the result ring is taken. */
const WAKE_INTERVAL_MS = 5;
/** Without anything to do the worker sleeps until it is notified, and looks for stray replies this often. */
const IDLE_WAIT_MS = 100;
/** Sends between looks at the receive queues, so that a burst does not fill them. */
const SENDS_PER_LISTEN = 64;
/** A socket that awaits nothing is read every so many ticks, for stray replies. */
const QUIET_TICKS = 16;
/** How long closing waits for a main thread that does not take its results. */
const CLOSE_PATIENCE_MS = 1_000;

const RETRIED_ERRNOS: readonly number[] = [libc.errno.EAGAIN, libc.errno.ENOBUFS, libc.errno.ENOMEM];

export class EchoLoop {
  readonly #control: Int32Array;
  readonly #targets: DataView;
  readonly #submissions: SubmissionRing;
  readonly #urgentResults: number;
  readonly #wakeMain: () => void;
  readonly #ledger: Ledger;
  readonly #ports: readonly Port[];
  #wallNow = 0;
  #ticks = 0;
  #sendsSinceListen = 0;
  /** False while packets had to stay in the kernel for want of room in the result ring: then nothing times out. */
  #heardAll = true;
  #lastWakeAt = 0;

  constructor(memory: SharedMemory, sockets: readonly EchoSocket[], instance: number, wakeMain: () => void) {
    this.#control = memory.control;
    this.#targets = memory.targets;
    this.#submissions = new SubmissionRing(memory);
    this.#urgentResults = memory.limits.resultRing / 4;
    this.#wakeMain = wakeMain;
    this.#ledger = new Ledger(memory, performance.now());
    this.#ports = sockets.map((socket) => new Port(socket, this.#ledger, memory, instance));
  }

  /** Runs until the engine closes; every probe that is still under way then ends as cancelled. */
  run(): void {
    while (Atomics.load(this.#control, Control.closing) === 0) {
      this.#tick();
      this.#rest();
    }
    this.#cancelEverything();
    for (const { socket } of this.#ports) libc.close(socket.fd);
  }

  #tick(): void {
    const ledger = this.#ledger;
    this.#ticks += 1;
    ledger.now = performance.now();
    if (!this.#submissions.isEmpty) {
      this.#wallNow = libc.wallMs(libc.realtimeNs());
      this.#submissions.drain(this.#accept);
    }
    this.#listen(this.#ticks % QUIET_TICKS === 0);
    ledger.wheel.advance(ledger.now, this.#fire, this.#mayFire);
    if (!this.#mayFire()) ledger.count("stalledTicks");
    ledger.set("outstanding", ledger.table.active);
    this.#tellMain();
  }

  /** Until the next millisecond begins; without any probe, until there is one. */
  #rest(): void {
    const ledger = this.#ledger;
    if (ledger.table.active > 0 || ledger.results.pending > 0) {
      const untilNextTick = Math.floor(ledger.now) + 1 - performance.now();
      if (untilNextTick > 0) libc.sleepMs(untilNextTick);
      return;
    }
    Atomics.store(this.#control, Control.workerSleeps, 1);
    // What came before the flag was up has not woken us.
    const hasWork = !this.#submissions.isEmpty || Atomics.load(this.#control, Control.closing) === 1;
    if (!hasWork) Atomics.wait(this.#control, Control.workerSleeps, 1, IDLE_WAIT_MS);
    Atomics.store(this.#control, Control.workerSleeps, 0);
    this.#ticks = -1; // makes the next tick look at quiet sockets too
  }

  #tellMain(): void {
    const { now, results } = this.#ledger;
    const pending = results.pending;
    if (pending === 0) return;
    if (now - this.#lastWakeAt < WAKE_INTERVAL_MS && pending < this.#urgentResults) return;
    if (Atomics.exchange(this.#control, Control.mainIsAwake, 1) === 1) return;
    this.#lastWakeAt = now;
    this.#wakeMain();
  }

  readonly #accept = (
    kind: number,
    target: number,
    tag: number,
    dueAtMs: number,
    timeoutMs: number,
  ): boolean => {
    const { table, wheel, results, now } = this.#ledger;
    if (kind === SubmissionKind.cancel) {
      if (results.room < RESULT_RESERVE) return false;
      this.#cancel(tag);
      return true;
    }
    const slot = table.take(now);
    if (slot < 0) return false;
    table.target[slot] = target;
    table.tag[slot] = tag;
    table.timeoutMs[slot] = Math.min(timeoutMs, MAX_TIMEOUT_MS);
    table.family[slot] = this.#targets.getUint8(target * TARGET_BYTES + TARGET_FAMILY_AT);
    const leadMs = Math.min(Math.max(dueAtMs - this.#wallNow, 0), MAX_LEAD_MS);
    wheel.schedule(slot, leadMs === 0 ? Math.floor(now) : Math.ceil(now + leadMs));
    return true;
  };

  #listen(includingQuiet: boolean): void {
    this.#sendsSinceListen = 0;
    this.#heardAll = true;
    for (const port of this.#ports) {
      const isQuiet = this.#ledger.awaiting[port.socket.family] === 0;
      if (isQuiet && !includingQuiet) continue;
      if (!port.listen()) this.#heardAll = false;
    }
  }

  readonly #mayFire = (): boolean => this.#heardAll && this.#ledger.results.room >= RESULT_RESERVE;

  readonly #fire = (slot: number): void => {
    if (this.#ledger.table.state[slot] === ProbeState.due) this.#send(slot);
    else this.#timeOut(slot);
  };

  #send(slot: number): void {
    const ledger = this.#ledger;
    const { table, wheel, awaiting } = ledger;
    const port = this.#portOf(slot);
    const refusal = port === undefined ? libc.errno.EAFNOSUPPORT : port.send(slot);
    if (refusal === 0) {
      const family = table.family[slot] ?? 0;
      table.state[slot] = ProbeState.awaiting;
      awaiting[family] = (awaiting[family] ?? 0) + 1;
      wheel.schedule(slot, Math.ceil((table.sentAt[slot] ?? 0) + (table.timeoutMs[slot] ?? 0)));
      ledger.count("sent");
    } else if (RETRIED_ERRNOS.includes(refusal) && table.wasRetried[slot] === 0) {
      table.wasRetried[slot] = 1;
      wheel.schedule(slot, Math.floor(performance.now()) + 1);
      ledger.count("sendRetries");
    } else {
      ledger.giveUp(slot, ResultKind.sendError, refusal);
    }
    this.#sendsSinceListen += 1;
    if (this.#sendsSinceListen >= SENDS_PER_LISTEN) this.#listen(false);
  }

  #timeOut(slot: number): void {
    const sentAt = this.#ledger.table.sentAt[slot] ?? 0;
    const mayBeOurFault = (this.#portOf(slot)?.newestDropAt() ?? -1) >= sentAt;
    this.#ledger.giveUp(slot, mayBeOurFault ? ResultKind.overloaded : ResultKind.timeout);
  }

  #portOf(slot: number): Port | undefined {
    const family = this.#ledger.table.family[slot];
    return this.#ports.find((port) => port.socket.family === family);
  }

  /** Rare, hence a scan; stops at the ring's end rather than lose a result. */
  #cancel(tag: number | null): void {
    const { table, results } = this.#ledger;
    for (let slot = 0; slot < table.used && results.room > 0; slot += 1) {
      const isActive = table.state[slot] === ProbeState.due || table.state[slot] === ProbeState.awaiting;
      if (isActive && (tag === null || table.tag[slot] === tag))
        this.#ledger.giveUp(slot, ResultKind.cancelled);
    }
  }

  #cancelEverything(): void {
    const { table, results } = this.#ledger;
    const giveUpAt = performance.now() + CLOSE_PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      this.#ledger.now = performance.now();
      this.#submissions.drain(this.#accept);
      this.#cancel(null);
      this.#tellMain();
      if (table.active === 0 && this.#submissions.isEmpty && results.pending === 0) return;
      libc.sleepMs(1);
    }
  }
}
