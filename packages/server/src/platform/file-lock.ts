// A lock between processes: an exclusive flock on a file that names its holder. The kernel gives it up however the holder
// ends, so it cannot go stale, and a later process with the same id is never mistaken for the holder.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import koffi from "koffi";

const LOCK_EXCLUSIVE = 2;
const LOCK_NON_BLOCKING = 4;
const flock = koffi.load(null).func("int flock(int fd, int operation)") as (
  fd: number,
  operation: number,
) => number;

export interface FileLock {
  /** Calls after the first do nothing. */
  release(): void;
}

/** Thrown when another process has the lock. */
export class FileLockedError extends Error {
  override name = "FileLockedError";

  constructor(
    readonly file: string,
    /** Null for the moment between locking and writing. */
    readonly holderPid: number | null,
  ) {
    super(`${file} is locked by process ${holderPid ?? "unknown"}`);
  }
}

/** Takes the lock or throws FileLockedError; creates the file when it is missing. Child processes do not inherit the lock. */
export function lockFile(file: string): FileLock {
  // Whoever can open the file can lock it, so nobody else may.
  const fd = openSync(file, "a+", 0o600);
  if (flock(fd, LOCK_EXCLUSIVE | LOCK_NON_BLOCKING) !== 0) {
    const code = koffi.errno();
    closeSync(fd);
    if (code !== koffi.os.errno.EAGAIN && code !== koffi.os.errno.EWOULDBLOCK) {
      throw new Error(`${file} cannot be locked (errno ${code}); its file system may not know locks`);
    }
    throw new FileLockedError(file, Number.parseInt(readFileSync(file, "utf8"), 10) || null);
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  let isHeld = true;
  return {
    release() {
      if (isHeld) closeSync(fd);
      isHeld = false; // The number of a closed descriptor soon belongs to another file.
    },
  };
}
