import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the server package, found from source and from compiled code alike. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/** Folder of the checkout or installation that holds the packages. */
export const workspaceRoot: string = dirname(dirname(packageRoot));

/** A compiled file of this package, for worker threads and child processes, which cannot run TypeScript. */
export function compiledFile(path: string): string {
  return join(packageRoot, "dist", path);
}

function findPackageRoot(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : findPackageRoot(dirname(folder));
}
