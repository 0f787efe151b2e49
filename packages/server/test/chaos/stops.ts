// The ways in which a database goes away, and how it comes back.
import { readdirSync, readFileSync } from "node:fs";
import type { EmbeddedPostgres } from "../../src/platform/embedded-postgres/index.js";
import { eventually } from "../harness.js";

export const STOPS = {
  /** As `pg_ctl stop`: sessions are ended, connections refused. */
  stop: { name: "stopped", end: (postgres) => endBy(postgres, "SIGINT") },
  /** A crash: connections break, and the start has to recover. */
  kill: { name: "killed", end: (postgres) => endBy(postgres, "SIGKILL") },
  /** Every process of it stands still: connections stay open, and nothing answers. */
  freeze: { name: "frozen", end: freeze },
} as const satisfies Record<string, { name: string; end: (postgres: EmbeddedPostgres) => Promise<Start> }>;
export type Stop = keyof typeof STOPS;

/** Brings it back. */
type Start = () => Promise<void>;

async function endBy(postgres: EmbeddedPostgres, signal: NodeJS.Signals): Promise<Start> {
  process.kill(postgres.pid, signal);
  await postgres.exited;
  // Backends of a killed server take a moment to notice.
  return () => eventually(() => postgres.restart(), { withinMs: 30_000, everyMs: 200 });
}

async function freeze({ pid }: EmbeddedPostgres): Promise<Start> {
  process.kill(pid, "SIGSTOP"); // First, so that no child is born meanwhile.
  const children = childrenOf(pid);
  for (const child of children) process.kill(child, "SIGSTOP");
  return async () => {
    for (const stopped of [...children, pid]) process.kill(stopped, "SIGCONT");
  };
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(name: string): number | null {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]);
  } catch {
    return null; // It has ended.
  }
}
