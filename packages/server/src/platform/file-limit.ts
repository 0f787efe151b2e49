// How many files and sockets the system lets this process open.
import { readFileSync } from "node:fs";
import type { Logger } from "./log.js";

/** What the process needs beside its live connections: files, the database, requests under way. */
const RESERVE = 500;

/** Says at boot what would otherwise show as refused connections under load. Only Linux tells the limit. */
export function warnOfFileLimit(connections: number, log: Logger): void {
  const limit = openFileLimit();
  if (limit === null || limit >= connections + RESERVE) return;
  log.warn(
    { openFiles: limit, SSE_MAX_CONNECTIONS: connections },
    `the system allows ${limit} open files; for ${connections} live connections run \`ulimit -n ${connections + RESERVE}\` before the start, or lower SSE_MAX_CONNECTIONS`,
  );
}

/** Node raises the soft limit to the hard one at its start. Null where the system does not tell. */
export function openFileLimit(): number | null {
  let limits: string;
  try {
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return null; // Not Linux.
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return null;
  return soft === "unlimited" ? Infinity : Number(soft);
}
