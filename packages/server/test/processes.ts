import { existsSync, readFileSync } from "node:fs";

/** Does it run? A process that has ended but was not yet reaped by its parent does not. */
export function isRunning(pid: number): boolean {
  if (process.platform === "linux") {
    const file = `/proc/${pid}/stat`;
    return existsSync(file) && !/^\d+ \(.*\) Z/.test(readFileSync(file, "utf8"));
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
