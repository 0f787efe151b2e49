// One process at a time may have a spool open: a lock file that names its owner.
import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Locks the folder and returns what unlocks it. Throws with a sentence for the operator when a living process holds it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "owner");
  const self = await processIdentity(process.pid);
  const owner = await readFile(path, "utf8").catch(ignoreMissing);
  if (owner !== null && owner !== self) {
    const pid = Number.parseInt(owner, 10);
    if (pid > 0 && (await processIdentity(pid)) === owner) {
      throw new Error(
        `the spool ${folder} is in use by process ${pid}; give each poller of a location its own REPLICA_ID or NIGHTBELL_DATA_DIR`,
      );
    }
  }
  // Written aside and renamed, so that a kill leaves no half-written owner.
  await writeFile(`${path}.new`, self);
  await rename(`${path}.new`, path);
  return async () => {
    await unlink(path).catch(ignoreMissing);
  };
}

/** A process id with the time the process started where the system tells it, since ids are used again; empty when there is none. */
async function processIdentity(pid: number): Promise<string> {
  if (process.platform === "linux") {
    const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(ignoreMissing);
    // proc(5): the 22nd field; the second one is a name in parentheses and may hold anything.
    const startedAt = status?.slice(status.lastIndexOf(")") + 2).split(" ")[19];
    return startedAt === undefined ? "" : `${pid} ${startedAt}`;
  }
  try {
    process.kill(pid, 0);
    return String(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? String(pid) : "";
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT" || error.code === "ESRCH") return null;
  throw error;
}
