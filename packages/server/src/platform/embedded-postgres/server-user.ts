// Whom Postgres runs as. It refuses to run as root, so root hands it to another user, by uid and gid.
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./error.js";

const run = promisify(execFile);
const SHELL_TIMEOUT_MS = 5_000;

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to switch to, or null to stay who we are. Only root switches: to the owner of a cluster that exists,
 * else to `postgres`, else to `nobody` (then other processes of `nobody` can reach the data: a `postgres` user is better).
 */
export async function chooseServerUser(clusterFolder: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const users = parsePasswd(await readFile("/etc/passwd", "utf8"));
  const owner = await stat(clusterFolder).catch(() => null);
  if (owner !== null) {
    const known = users.find((user) => user.uid === owner.uid);
    const user = known ?? { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid };
    if (user.uid === 0) {
      throw new EmbeddedPostgresError(
        `${clusterFolder} belongs to root, and Postgres refuses to run as root; give it to another user with chown -R`,
      );
    }
    return user;
  }
  for (const name of ["postgres", "nobody"]) {
    const user = users.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (user !== undefined) return user;
  }
  throw new EmbeddedPostgresError(
    "Postgres refuses to run as root, and there is no user postgres or nobody to hand it to; start Nightbell as an ordinary user",
  );
}

/** Options of `spawn` that start a process as the server's user. */
export function runAs(user: ServerUser | null): { uid?: number; gid?: number } {
  return user === null ? {} : { uid: user.uid, gid: user.gid };
}

/** Throws, naming the folder that is in the way, when the user cannot enter `folder`. */
export async function assertReachable(folder: string, user: ServerUser): Promise<void> {
  const closed = await firstClosedFolder(folder, user);
  if (closed === null) return;
  throw new EmbeddedPostgresError(
    `the embedded Postgres runs as ${user.name}, who cannot enter ${closed}; run chmod o+x ${closed}, or set NIGHTBELL_DATA_DIR to a folder elsewhere`,
  );
}

/** The topmost ancestor of `folder` (or itself) that the user cannot enter; asks the kernel, as ACLs count too. */
export async function firstClosedFolder(folder: string, user: ServerUser): Promise<string | null> {
  const script = 'for folder; do cd "$folder" 2>/dev/null || { printf %s "$folder"; exit; }; done';
  const { stdout } = await run("/bin/sh", ["-c", script, "sh", ...pathFromRoot(folder)], {
    ...runAs(user),
    cwd: "/",
    timeout: SHELL_TIMEOUT_MS,
  });
  return stdout === "" ? null : stdout;
}

/** The folder with its ancestors, from the root down. */
function pathFromRoot(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [...pathFromRoot(parent), folder];
}

function parsePasswd(text: string): ServerUser[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4)
    .map(([name = "", , uid, gid]) => ({ name, uid: toId(uid), gid: toId(gid) }));
}

/** macOS writes nobody's id as -2. */
function toId(text: string | undefined): number {
  return Number(text) >>> 0;
}
