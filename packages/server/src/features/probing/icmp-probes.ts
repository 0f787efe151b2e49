// Sends ICMP probes through the engine and turns its results into samples.
import { isIP } from "node:net";
import { IcmpOptions, parseTarget, type OptionsOf } from "@nightbell/contract";
import { type Resolution, resolveLocally } from "./address.js";
import type { IcmpEngine, IcmpResult } from "./icmp/index.js";
import { IcmpLink, type IcmpLinkOptions } from "./icmp-link.js";
import { icmpOutcome } from "./icmp-outcome.js";
import type { MeasuredJob } from "./measured-job.js";
import { NameCache } from "./name-cache.js";
import { failed } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";
import type { PendingSample, Recorder } from "./recorder.js";
import { SingleEchoes } from "./single-echoes.js";

/** Probes between submission and result; as many as the engine holds. A power of two. */
const MAX_OUTSTANDING = 131_072;
/** Tags from here on are those of probes without a job. */
const FIRST_SINGLE_TAG = 2 ** 31;

/** An address that the engine knows, and how long it waits for its answers. */
interface EngineTarget {
  readonly engine: IcmpEngine;
  readonly handle: number;
  readonly address: string;
  readonly timeoutMs: number;
}

/** Where a job's probes go. */
interface Route {
  readonly host: string;
  readonly options: OptionsOf<"icmp">;
  /** The numeric address that was used last. */
  address: string | null;
  target: EngineTarget | null;
}

/** A probe under way, and where it went: the job may have been edited since. */
interface SentProbe extends PendingSample {
  readonly target: EngineTarget;
}

/**
 * Probes under way, in columns. A tag is a running number; its low bits are the place in the table, and the place keeps
 * the whole tag, so that a stray reply finds its job until the place is used again.
 */
class Outstanding {
  readonly #jobs: (MeasuredJob | undefined)[] = [];
  readonly #targets: (EngineTarget | undefined)[] = [];
  readonly #slots = new Float64Array(MAX_OUTSTANDING);
  readonly #sequences = new Float64Array(MAX_OUTSTANDING);
  readonly #tags = new Uint32Array(MAX_OUTSTANDING);
  readonly #isActive = new Uint8Array(MAX_OUTSTANDING);
  #count = 0;
  #nextTag = 0;

  /** A tag for the probe, null when the table is full. */
  add({ job, slot, sequenceNumber }: PendingSample, target: EngineTarget): number | null {
    if (this.#count === MAX_OUTSTANDING) return null;
    while (this.#isActive[this.#nextTag % MAX_OUTSTANDING] === 1) this.#advance();
    const tag = this.#nextTag;
    const place = tag % MAX_OUTSTANDING;
    this.#advance();
    this.#count += 1;
    this.#jobs[place] = job;
    this.#targets[place] = target;
    this.#slots[place] = slot;
    this.#sequences[place] = sequenceNumber;
    this.#tags[place] = tag;
    this.#isActive[place] = 1;
    return tag;
  }

  /** Takes a probe out that has its result. */
  take(tag: number): SentProbe | null {
    const place = tag % MAX_OUTSTANDING;
    const job = this.#jobs[place];
    const target = this.#targets[place];
    if (job === undefined || target === undefined) return null;
    if (this.#isActive[place] === 0 || this.#tags[place] !== tag) return null;
    this.#isActive[place] = 0;
    this.#count -= 1;
    return { job, target, slot: this.#slots[place] ?? 0, sequenceNumber: this.#sequences[place] ?? 0 };
  }

  jobOf(tag: number): MeasuredJob | undefined {
    const place = tag % MAX_OUTSTANDING;
    return this.#tags[place] === tag ? this.#jobs[place] : undefined;
  }

  takeAll(): SentProbe[] {
    return [...this.#tags].map((tag) => this.take(tag)).filter((pending) => pending !== null);
  }

  #advance(): void {
    this.#nextTag = (this.#nextTag + 1) % FIRST_SINGLE_TAG;
  }
}

export class IcmpProbes {
  readonly #recorder: Recorder;
  readonly #outstanding = new Outstanding();
  readonly #routes = new Map<MeasuredJob, Route>();
  readonly #names: NameCache;
  readonly #link: IcmpLink;
  readonly #singles: SingleEchoes;

  constructor(recorder: Recorder, options: IcmpLinkOptions) {
    this.#recorder = recorder;
    this.#names = new NameCache(options.clock);
    this.#singles = new SingleEchoes(options.clock, FIRST_SINGLE_TAG);
    this.#link = new IcmpLink(
      {
        onResult: (result) => this.#take(result),
        onStray: (tag, kind, atMs) => {
          const job = this.#outstanding.jobOf(tag);
          if (job !== undefined) recorder.stray(job, kind, atMs);
        },
        onLoss: (failure) => {
          const { code, error } = failure;
          this.#singles.lose(failure);
          for (const pending of this.#outstanding.takeAll()) recorder.fail(pending, code, error);
        },
      },
      options,
    );
  }

  /** Starts the engine, or says in the log why it cannot. */
  open(): Promise<void> {
    return this.#link.start();
  }

  /** Makes a new or edited job ready, so that its slot need not wait for its name. */
  prepare(job: MeasuredJob): void {
    this.forget(job);
    const { host, options } = this.#route(job);
    if (isIP(host) === 0) void this.#names.get(host, options.family);
  }

  /** The job is no longer measured, or differently. Probes under way go on. */
  forget(job: MeasuredJob): void {
    const target = this.#routes.get(job)?.target;
    target?.engine.removeTarget(target.handle);
    this.#routes.delete(job);
  }

  /** Sends at the slot's time, or at once when that has passed. */
  start(pending: PendingSample): void {
    const route = this.#route(pending.job);
    const isNumeric = route.address !== null && isIP(route.host) !== 0;
    if (isNumeric) this.#submit(pending, route);
    else void this.#resolveAndSubmit(pending, route);
  }

  /** A probe of an address that belongs to no job; without an engine it fails as those of jobs do. Never throws. */
  async probe(host: string, timeoutMs: number, signal: AbortSignal): Promise<ProbeOutcome> {
    const resolution = resolveLocally(host, "auto");
    if (resolution === undefined) return failed({ code: "internal", error: `${host} is not an address` });
    if (!resolution.ok) return failed(resolution);
    const { engine, failure } = this.#link;
    if (engine === null) return failed(failure);
    const { address } = resolution;
    return this.#singles.send(engine, address, IcmpOptions.parse({ timeoutMs }), signal, {
      result: (result) => icmpOutcome(result, address, timeoutMs),
      failure: (reason) => failed(reason, { address }),
    });
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#names.close();
    await this.#link.close();
  }

  async #resolveAndSubmit(pending: PendingSample, route: Route): Promise<void> {
    const { host, options } = route;
    const found = this.#names.get(host, options.family);
    const resolution = found instanceof Promise ? await within(options.timeoutMs, found, host) : found;
    await this.#link.start();
    if (this.#routes.get(pending.job) !== route) {
      // The job was edited or let go meanwhile: nobody would take the old route's target out of the engine again.
      this.#recorder.abandon(pending);
      return;
    }
    if (!resolution.ok) {
      this.#recorder.fail(pending, resolution.code, resolution.error);
      return;
    }
    if (route.address !== resolution.address) {
      route.target?.engine.removeTarget(route.target.handle);
      route.target = null;
      route.address = resolution.address;
    }
    this.#submit(pending, route);
  }

  #submit(pending: PendingSample, route: Route): void {
    const { engine } = this.#link;
    if (engine === null) {
      this.#recorder.fail(pending, this.#link.failure.code, this.#link.failure.error);
      return;
    }
    let target: EngineTarget;
    try {
      target = this.#targetOf(route, engine);
    } catch (error) {
      this.#recorder.fail(pending, "socket", error instanceof Error ? error.message : String(error));
      return;
    }
    const tag = this.#outstanding.add(pending, target);
    if (tag !== null && engine.submit(target.handle, tag, pending.slot, target.timeoutMs)) return;
    if (tag !== null) this.#outstanding.take(tag);
    this.#recorder.fail(pending, "overloaded", "too many ICMP probes are under way");
  }

  #targetOf(route: Route, engine: IcmpEngine): EngineTarget {
    if (route.target?.engine === engine) return route.target;
    const address = route.address ?? route.host;
    const handle = engine.addTarget(address, route.options);
    route.target = { engine, handle, address, timeoutMs: route.options.timeoutMs };
    return route.target;
  }

  #take(result: IcmpResult): void {
    if (result.tag >= FIRST_SINGLE_TAG) {
      this.#singles.take(result);
      return;
    }
    const sent = this.#outstanding.take(result.tag);
    if (sent === null) return;
    const { address, timeoutMs } = sent.target;
    this.#recorder.finish(sent, icmpOutcome(result, address, timeoutMs), result.sentAtMs);
  }

  #route(job: MeasuredJob): Route {
    const known = this.#routes.get(job);
    if (known !== undefined) return known;
    const { target, options } = job.definition;
    const parsed = parseTarget("icmp", target);
    const host = parsed.ok && "host" in parsed.target ? parsed.target.host : target;
    const route = { host, options: options as OptionsOf<"icmp">, address: null, target: null };
    this.#routes.set(job, route);
    return route;
  }
}

/** A first look-up may take as long as the probe itself. */
async function within(timeoutMs: number, resolution: Promise<Resolution>, host: string): Promise<Resolution> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Resolution>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, {
      ok: false,
      code: "resolver",
      error: `our resolver gave no answer about ${host} within ${timeoutMs} ms`,
    });
  });
  const first = await Promise.race([resolution, late]);
  clearTimeout(timer);
  return first;
}
