import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Creates a folder and what is missing above it; returns the created ones, topmost first. Throws where none can be
 * created; Node's own recursive `mkdir` tries for ever where the file system says "no such folder", as below /proc.
 */
export async function createFolders(path: string, mode?: number): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    await mkdir(folder, { mode }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error; // Somebody else was faster.
    });
  }
  return missing;
}
