// Who uses a data folder: an exclusive flock, which the kernel gives up however its holder ends. The file names the holder.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import koffi from "koffi";
import { EmbeddedPostgresError } from "./error.js";

const LOCK_EXCLUSIVE = 2;
const LOCK_NON_BLOCKING = 4;
const flock = koffi.load(null).func("int flock(int fd, int operation)") as (
  fd: number,
  operation: number,
) => number;

export interface Lock {
  release(): void;
}

/**
 * Locks the folder for this process or throws with the holder's process id. Being the kernel's, the lock cannot go
 * stale and cannot be mistaken for that of a later process with the same id; child processes do not inherit it.
 */
export function lockFolder(folder: string, file: string): Lock {
  const fd = openSync(file, "a+", 0o644);
  if (flock(fd, LOCK_EXCLUSIVE | LOCK_NON_BLOCKING) !== 0) {
    const code = koffi.errno();
    closeSync(fd);
    if (code !== koffi.os.errno.EAGAIN && code !== koffi.os.errno.EWOULDBLOCK) {
      throw new EmbeddedPostgresError(
        `${file} cannot be locked (errno ${code}); does its file system know flock?`,
      );
    }
    const holder = readFileSync(file, "utf8").trim();
    throw new EmbeddedPostgresError(
      `${folder} is in use by ${holder === "" ? "another Nightbell" : `Nightbell process ${holder}`}; stop it, or set NIGHTBELL_DATA_DIR to another folder`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}
