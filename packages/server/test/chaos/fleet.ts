// Poller processes that a test kills, adds, cuts off from their database, and stops.
import { type RunningNightbell, startNightbell } from "../harness.js";
import type { Ground, Place } from "./ground.js";

/** A time, in milliseconds since the epoch, from one to the other. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

interface Poller {
  readonly program: RunningNightbell;
  readonly place: Place;
  /** Since when it does not reach the database; null while it does. */
  awaySince: number | null;
}

export interface Kill {
  readonly at: number;
  /** When it was cut off, if it was when it was killed: its jobs have been others' since. */
  readonly awaySince: number | null;
}

/** Of the kills while pollers are away, those that hit one of them. */
const KILLED_AWAY = 0.3;

/** Counters of pollers that the report names. */
const COUNTERS = {
  conflicts: "nightbell_samples_conflicts_total",
  skipped: "nightbell_poller_skipped_slots_total",
  spooled: "nightbell_samples_spooled_total",
} as const;
export type Counts = Record<keyof typeof COUNTERS, number>;

const METRICS_TIMEOUT_MS = 2_000;

export interface FleetOptions {
  readonly ground: Ground;
  /** All of them share it, as on one machine. */
  readonly dataDir: string;
  readonly env: Record<string, string>;
  readonly random: () => number;
}

export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #connected: Poller[] = [];
  readonly #away: Poller[] = [];
  readonly #all: RunningNightbell[] = [];
  readonly #counts: Counts = { conflicts: 0, skipped: 0, spooled: 0 };
  readonly kills: Kill[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Pollers that reach the database. */
  get connected(): number {
    return this.#connected.length;
  }

  /** Pollers that do not. */
  get away(): number {
    return this.#away.length;
  }

  async add(): Promise<void> {
    const { ground, dataDir, env } = this.#options;
    const place = await ground.addPlace();
    const program = await startNightbell({
      command: "serve --roles poller",
      databaseUrl: place.databaseUrl,
      dataDir,
      env: { ...env, HOST: place.address },
      ...(place.namespace !== undefined && { namespace: place.namespace }),
    });
    this.#connected.push({ program, place, awaySince: null });
    this.#all.push(program);
  }

  standstills(): Span[] {
    return this.#all.flatMap((program) => standstillsOf(program));
  }

  /** What poller processes said that ended by themselves, except for want of a database when they started. */
  crashes(): string[] {
    return this.#all.flatMap((program) => {
      const lines = program.output().split("\n");
      const ends = lines.filter((line) => line.includes("ended by itself"));
      const refusals = lines.filter((line) => line.includes("the poller could not be started"));
      return ends.length > refusals.length ? [...ends, lines.slice(-5).join("\n")] : [];
    });
  }

  /** The whole machine: the supervisor, and the process that measures. One that is cut off may be hit, too. */
  async kill(): Promise<void> {
    const isAway = this.#away.length > 0 && this.#options.random() < KILLED_AWAY;
    const poller = this.#take(isAway ? this.#away : this.#connected);
    const { program, place } = poller;
    if (!isAway) await this.#count(poller);
    const [pollerPid] =
      program
        .output()
        .match(/(?<="pollerPid":)\d+/g)
        ?.slice(-1) ?? [];
    const gone = program.kill9();
    killIfRunning(Number(pollerPid));
    this.kills.push({ at: Date.now(), awaySince: poller.awaySince });
    await gone;
    await program[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  }

  async stop(): Promise<void> {
    const poller = this.#take(this.#connected);
    await this.#count(poller);
    const code = await poller.program.stop();
    if (code !== 0) throw new Error(`a poller that was stopped ended with ${code}`);
    await poller.place[Symbol.asyncDispose]();
  }

  /** From the database. */
  cut(): void {
    this.#takeAway((place) => place.cut());
  }

  /** From everything. */
  isolate(): void {
    this.#takeAway((place) => place.isolate());
  }

  /** All that are away can reach everything again. */
  async mend(): Promise<void> {
    for (const poller of this.#away.splice(0)) {
      await poller.place.mend();
      poller.awaySince = null;
      this.#connected.push(poller);
    }
  }

  /** Of all pollers that did not end while they were away. */
  async counts(): Promise<Counts> {
    const before = { ...this.#counts };
    for (const poller of this.#connected) await this.#count(poller);
    const counts = { ...this.#counts };
    Object.assign(this.#counts, before);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program, place } of [...this.#connected.splice(0), ...this.#away.splice(0)]) {
      await program[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    }
  }

  async #count({ program }: Poller): Promise<void> {
    const signal = AbortSignal.timeout(METRICS_TIMEOUT_MS);
    const text = await fetch(new URL("/metrics", program.url), { signal })
      .then((response) => response.text())
      .catch(() => "");
    for (const name of Object.keys(COUNTERS) as (keyof Counts)[]) {
      const value = new RegExp(`^${COUNTERS[name]} (\\d+)`, "m").exec(text)?.[1];
      this.#counts[name] += Number(value ?? 0);
    }
  }

  #takeAway(how: (place: Place) => void): void {
    const poller = this.#take(this.#connected);
    poller.awaySince = Date.now();
    how(poller.place);
    this.#away.push(poller);
  }

  #take(pollers: Poller[]): Poller {
    const [poller] = pollers.splice(Math.floor(this.#options.random() * pollers.length), 1);
    if (poller === undefined) throw new Error("no poller is left");
    return poller;
  }
}

/** A poller that found no database when it started may be between two tries. */
function killIfRunning(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** When the machine let a poller stand still for over a second: what was due then is skipped, and logged. */
export function standstillsOf(program: RunningNightbell): Span[] {
  return program
    .output()
    .split("\n")
    .filter((line) => line.includes("this process stood still"))
    .map((line) => JSON.parse(line) as { time: number; behindMs: number })
    .map(({ time, behindMs }) => ({ from: time - behindMs, to: time }));
}
