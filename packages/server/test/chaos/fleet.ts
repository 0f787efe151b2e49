// Poller processes that a test kills, adds, cuts off from their database, and stops.
import { type RunningNightbell, startNightbell } from "../harness.js";
import { startProxy } from "../proxy.js";
import { createHost } from "../responder/network.js";
import { randomOf } from "./random.js";

/** A time, in milliseconds since the epoch, from one to the other. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Between a poller and its database. */
export interface Link extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly namespace?: string;
  cut(): void;
  mend(): Promise<void>;
}

export async function proxyLink(databaseUrl: string): Promise<Link> {
  const proxy = await startProxy(databaseUrl);
  return {
    databaseUrl: proxy.url,
    cut: () => proxy.freeze(),
    async mend() {
      await proxy.cut(); // What was sent meanwhile is lost for good, as behind a firewall that has forgotten.
      await proxy.mend();
    },
    [Symbol.asyncDispose]: () => proxy.cut(),
  };
}

export async function namespaceLink(databaseUrl: string): Promise<Link> {
  const host = createHost();
  const proxy = await startProxy(databaseUrl, host.address(1));
  return {
    databaseUrl: proxy.url,
    namespace: host.namespace,
    cut: () => host.cut(),
    mend: async () => host.mend(),
    async [Symbol.asyncDispose]() {
      await proxy.cut();
      host.remove();
    },
  };
}

export const ACTIONS = ["kill", "add", "cut", "stop"] as const;
export type Action = (typeof ACTIONS)[number];

export interface FleetOptions {
  databaseUrl: string;
  /** All of them share it, as on one machine. */
  dataDir: string;
  connect: (databaseUrl: string) => Promise<Link>;
  env: Record<string, string>;
  seed: number;
}

export class Fleet implements AsyncDisposable {
  readonly #random: () => number;
  readonly #env: Record<string, string>;
  readonly #databaseUrl: string;
  readonly #dataDir: string;
  readonly #connect: (databaseUrl: string) => Promise<Link>;
  readonly #pollers: { program: RunningNightbell; link: Link }[] = [];
  readonly #all: RunningNightbell[] = [];
  /** When pollers were killed. */
  readonly kills: number[] = [];

  constructor(options: FleetOptions) {
    this.#databaseUrl = options.databaseUrl;
    this.#dataDir = options.dataDir;
    this.#connect = options.connect;
    this.#env = options.env;
    this.#random = randomOf(options.seed);
  }

  get size(): number {
    return this.#pollers.length;
  }

  /** The actions of a round in this round's order. */
  round(): Action[] {
    return ACTIONS.map((action) => ({ action, rank: this.#random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ action }) => action);
  }

  async add(): Promise<void> {
    const link = await this.#connect(this.#databaseUrl);
    const program = await startNightbell({
      command: "serve --roles poller",
      databaseUrl: link.databaseUrl,
      dataDir: this.#dataDir,
      env: this.#env,
      ...(link.namespace !== undefined && { namespace: link.namespace }),
    });
    this.#pollers.push({ program, link });
    this.#all.push(program);
  }

  /** When the machine let a poller stand still for over a second: what was due then is skipped, and logged. */
  standstills(): Span[] {
    const lines = this.#all.flatMap((program) => program.output().split("\n"));
    return lines
      .filter((line) => line.includes("this process stood still"))
      .map((line) => JSON.parse(line) as { time: number; behindMs: number })
      .map(({ time, behindMs }) => ({ from: time - behindMs, to: time }));
  }

  /** The whole machine: the supervisor, and the process that measures. */
  async kill(): Promise<void> {
    const { program, link } = this.#take();
    const pollerPid = Number(/"pollerPid":(\d+)/.exec(program.output())?.[1]);
    const gone = program.kill9();
    process.kill(pollerPid, "SIGKILL");
    this.kills.push(Date.now());
    await gone;
    await program[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  }

  async stop(): Promise<void> {
    const { program, link } = this.#take();
    const code = await program.stop();
    if (code !== 0) throw new Error(`a poller that was stopped ended with ${code}`);
    await link[Symbol.asyncDispose]();
  }

  /** For as long as it takes the others to notice and to measure its jobs. */
  async cut(whileCut: () => Promise<void>): Promise<void> {
    const poller = this.#take();
    poller.link.cut();
    await whileCut();
    await poller.link.mend();
    this.#pollers.push(poller);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program, link } of this.#pollers.splice(0)) {
      await program[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    }
  }

  #take() {
    const [poller] = this.#pollers.splice(Math.floor(this.#random() * this.#pollers.length), 1);
    if (poller === undefined) throw new Error("no poller is left");
    return poller;
  }
}
