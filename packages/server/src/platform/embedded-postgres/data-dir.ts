// The folder of everything a Nightbell keeps on disk: where it is, who may enter it, and that one process uses it.
import { chmod, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type FileLock, FileLockedError, lockFile } from "../file-lock.js";
import { createFolders } from "../folders.js";
import { EmbeddedPostgresError } from "./error.js";
import { chooseServerUser, firstClosedFolder } from "./server-user.js";

export const LOCK_FILE = "nightbell.lock";

/** Where root keeps data when the working directory is closed to other users. */
const ROOT_DATA_DIR = "/var/lib/nightbell";

/**
 * The data folder: `configured`, else `.nightbell` in the working directory, except for root in a place that
 * the server's user cannot enter (a mode 700 home).
 */
export async function chooseDataDir(
  configured: string | undefined,
  workingDirectory: string = process.cwd(),
): Promise<string> {
  if (configured !== undefined) return resolve(workingDirectory, configured);
  const dataDir = join(workingDirectory, ".nightbell");
  const user = await chooseServerUser(join(dataDir, "postgres"));
  if (user !== null && (await firstClosedFolder(workingDirectory, user)) !== null) return ROOT_DATA_DIR;
  return dataDir;
}

/** The server's user must be able to pass through folders of root's; everybody else keeps theirs to themselves. */
export async function createDataDir(dataDir: string): Promise<string> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    for (const folder of await createFolders(dataDir)) await chmod(folder, mode); // whatever the umask
    return await realpath(dataDir);
  } catch (error) {
    throw new EmbeddedPostgresError(
      `the data folder ${dataDir} cannot be created: ${(error as Error).message}; set NIGHTBELL_DATA_DIR to another place`,
      { cause: error },
    );
  }
}

export function lockDataDir(dataDir: string): FileLock {
  try {
    return lockFile(join(dataDir, LOCK_FILE));
  } catch (error) {
    throw new EmbeddedPostgresError(
      error instanceof FileLockedError
        ? `${dataDir} is in use by Nightbell process ${error.holderPid ?? "unknown"}; stop it, or set NIGHTBELL_DATA_DIR to another folder`
        : `the data folder ${dataDir} cannot be used: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
