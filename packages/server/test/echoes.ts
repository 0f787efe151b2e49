// Drives the ICMP engine in tests: keeps a copy of every result and waits until all have come.
import { IcmpEngine, type IcmpEngineOptions } from "../src/features/probing/icmp/engine.js";
import { ResultKind } from "../src/features/probing/icmp/rings.js";
import { eventually } from "./eventually.js";

export interface Echo {
  tag: number;
  kind: keyof typeof ResultKind;
  rttNs: number;
  sentAtMs: number;
  receivedAtMs: number;
  icmpType: number;
  icmpCode: number;
  errno: number;
  source: string | null;
}

export const PLAIN = { payloadBytes: 56, ttl: 64 };

const nameOfKind = new Map(
  Object.entries(ResultKind).map(([name, kind]) => [kind, name as keyof typeof ResultKind]),
);

/** Why the engine cannot run here, or null. */
export async function whyNoIcmp(): Promise<string | null> {
  try {
    const engine = await IcmpEngine.start({ onResult: () => undefined });
    await engine.close();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** An engine that remembers. `await using` closes it. */
export class Echoes {
  readonly all: Echo[] = [];
  readonly strays: { tag: number; kind: "duplicate" | "late"; atMs: number }[] = [];
  readonly engine: IcmpEngine;

  static async start(options: Partial<IcmpEngineOptions> = {}): Promise<Echoes> {
    const later: { echoes?: Echoes } = {};
    const engine = await IcmpEngine.start({
      ...options,
      onResult: (result) => {
        const { tag, rttNs, sentAtMs, receivedAtMs, icmpType, icmpCode, errno, source } = result;
        const kind = nameOfKind.get(result.kind) ?? "reply";
        later.echoes?.all.push({
          tag,
          kind,
          rttNs,
          sentAtMs,
          receivedAtMs,
          icmpType,
          icmpCode,
          errno,
          source,
        });
      },
      onStray: (tag, kind, atMs) => later.echoes?.strays.push({ tag, kind, atMs }),
    });
    later.echoes = new Echoes(engine);
    return later.echoes;
  }

  private constructor(engine: IcmpEngine) {
    this.engine = engine;
  }

  /** Sends one probe at once; its tag is the number of probes before it, unless given. */
  send(target: number, { timeoutMs = 1_000, tag = this.all.length, dueAtMs = Date.now() } = {}): number {
    if (!this.engine.submit(target, tag, dueAtMs, timeoutMs)) throw new Error("the engine is full");
    return tag;
  }

  /** The result of one probe sent now. */
  async probe(address: string, { payloadBytes = 56, ttl = 64, timeoutMs = 1_000 } = {}): Promise<Echo> {
    const target = this.engine.addTarget(address, { payloadBytes, ttl });
    const tag = this.send(target, { timeoutMs, tag: 1_000_000 + this.all.length });
    return this.resultOf(tag);
  }

  async resultOf(tag: number): Promise<Echo> {
    return eventually(
      () => {
        const found = this.all.find((echo) => echo.tag === tag);
        if (found === undefined) throw new Error(`probe ${tag} has no result`);
        return found;
      },
      { everyMs: 2 },
    );
  }

  /** Waits until there are `count` results. */
  async until(count: number): Promise<void> {
    await eventually(
      () => {
        if (this.all.length < count) throw new Error(`${this.all.length} of ${count} results`);
      },
      { withinMs: 15_000, everyMs: 5 },
    );
  }

  countOf(kind: Echo["kind"]): number {
    return this.all.filter((echo) => echo.kind === kind).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close();
  }
}
