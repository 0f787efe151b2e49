// Files that describe jobs: YAML or JSON, `jobs:` with one entry a job. Several files and folders make one set.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";

/** An entry as it stands in a file; the API checks what it says. */
export interface Entry {
  readonly job: Record<string, unknown>;
  /** `shop.yaml:12` */
  readonly place: string;
}

/** Why the files are no description of jobs; each line names its place. */
export class FilesError extends Error {}

/** Of one file; a thousand jobs have less than one. */
const MAX_FILE_BYTES = 8 * 1_048_576;
/** An alias repeats a part of the document; more than this is an attempt to fill the memory. */
const MAX_ALIASES = 1_000;

/** Throws FilesError. Of a folder, its files that end in .yaml, .yml or .json, by name. */
export async function readEntries(paths: readonly string[]): Promise<Entry[]> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  if (files.length === 0) throw new FilesError(`${paths.join(", ")}: no .yaml, .yml or .json file`);
  const entries: Entry[] = [];
  const faults: string[] = [];
  for (const file of files) {
    const found = parseEntries(await readText(file), file);
    entries.push(...found.entries);
    faults.push(...found.faults);
  }
  const placeOf = new Map<unknown, string>();
  for (const { job, place } of entries) {
    const earlier = placeOf.get(job["key"]);
    if (typeof job["key"] !== "string")
      faults.push(`${place}: the entry has no key, by which its job is found again`);
    else if (earlier !== undefined)
      faults.push(`${place}: the key ${job["key"]} is already used at ${earlier}`);
    else placeOf.set(job["key"], place);
  }
  if (faults.length > 0) throw new FilesError(faults.join("\n"));
  return entries;
}

/** Anchors may be kept under names that begin with `x-`. Never throws. */
export function parseEntries(text: string, file: string): { entries: Entry[]; faults: string[] } {
  const lines = new LineCounter();
  const entries: Entry[] = [];
  const faults: string[] = [];
  const placeAt = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  for (const document of parseAllDocuments(text, { lineCounter: lines, merge: true })) {
    const errors = document.errors.map(({ message, pos }) => `${placeAt(pos[0])}: ${firstLine(message)}`);
    if (errors.length > 0) {
      faults.push(...errors);
      continue;
    }
    let content: unknown;
    try {
      content = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      faults.push(`${file}: ${(error as Error).message}`);
      continue;
    }
    if (content === null || content === undefined) continue; // An empty document.
    const jobs = isRecord(content) ? content["jobs"] : undefined;
    if (!isRecord(content) || !Array.isArray(jobs)) {
      faults.push(`${file}: must have a list of jobs under "jobs:"`);
      continue;
    }
    for (const name of Object.keys(content)) {
      if (name !== "jobs" && !name.startsWith("x-"))
        faults.push(`${file}: there is no field "${name}" beside jobs`);
    }
    for (const [index, job] of jobs.entries()) {
      const node = document.getIn(["jobs", index], true) as { range?: [number, ...number[]] } | undefined;
      const place = node?.range === undefined ? `${file}: jobs.${index}` : placeAt(node.range[0]);
      if (isRecord(job)) entries.push({ job, place });
      else faults.push(`${place}: must be a job: key, title, type, target, cadenceSeconds …`);
    }
  }
  return { entries, faults };
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new FilesError(`${path}: there is no such file or folder`);
  if (!found.isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => /\.(ya?ml|json)$/i.test(name))
    .toSorted()
    .map((name) => join(path, name));
}

/** Throws FilesError. */
export async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES)
      throw new FilesError(`${file}: is larger than ${MAX_FILE_BYTES / 1_048_576} MB`);
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof FilesError) throw error;
    throw new FilesError(
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    );
  }
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:?$/, "");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
