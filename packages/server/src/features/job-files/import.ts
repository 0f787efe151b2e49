// `nightbell import`: makes jobs of what another monitor was configured to do, and says what has no counterpart.
import { writeFile } from "node:fs/promises";
import { MAX_APPLIED_JOBS } from "@nightbell/contract";
import { parseDocument, stringify } from "yaml";
import { type Mapped, mapBlackbox, mapGatus, mapKuma } from "../imports/index.js";
import { hasWork, planText } from "./plan-text.js";
import { FilesError, readText } from "./read-files.js";
import { postApply, ServerError, type ServerOptions } from "./server.js";

export type ImportKind = "kuma" | "gatus" | "blackbox";

export interface ImportOptions extends ServerOptions {
  readonly kind: ImportKind;
  readonly file: string;
  /** For blackbox: prometheus.yml, or a file of targets. */
  readonly targets: string | undefined;
  /** Only the report. */
  readonly dryRun: boolean;
  /** A file of jobs to write, for `nightbell apply`, instead of making them. */
  readonly output: string | undefined;
}

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Returns the exit code: 0 when the jobs are there (or written, or only shown), 1 when the server refused, 2 for a file that
 * cannot be read or holds nothing to import. What did not map is reported and is no failure.
 */
export async function runImport(options: ImportOptions): Promise<number> {
  let mapped: Mapped;
  try {
    mapped = await readMapped(options);
    report(mapped);
    if (mapped.jobs.length === 0) throw new FilesError(`${options.file}: nothing in it makes a job`);
    if (options.output !== undefined) await write(options.output, mapped);
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    complain(error.message);
    return EXIT_USAGE;
  }
  if (options.dryRun || options.output !== undefined) return EXIT_OK;
  try {
    await create(mapped, options);
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    complain(error.message);
    return EXIT_FAILED;
  }
}

async function readMapped({ kind, file, targets }: ImportOptions): Promise<Mapped> {
  const content = await readDocument(file);
  switch (kind) {
    case "kuma":
      return mapKuma(content);
    case "gatus":
      return mapGatus(content);
    case "blackbox":
      return mapBlackbox(content, targets === undefined ? null : await readDocument(targets));
  }
}

/** YAML, of which JSON is a part. Throws FilesError. */
async function readDocument(file: string): Promise<unknown> {
  const document = parseDocument(await readText(file), { merge: true });
  const [error] = document.errors;
  if (error !== undefined) throw new FilesError(`${file}: ${error.message.split("\n")[0]}`);
  try {
    return document.toJS({ maxAliasCount: 1_000 });
  } catch (failure) {
    throw new FilesError(`${file}: ${(failure as Error).message}`);
  }
}

function report({ jobs, unmapped }: Mapped): void {
  for (const { type, target, title } of jobs) console.log(plain(`+ ${type}  ${target}  ${title}`));
  for (const { path, reason } of unmapped) console.log(plain(`! ${path}: ${reason}`));
  console.log(`${jobs.length} jobs; ${unmapped.length} things that did not map`);
}

async function write(output: string, { jobs }: Mapped): Promise<void> {
  try {
    // Not over another file: it may be the one that was read.
    await writeFile(output, stringify({ jobs }), { flag: "wx" });
  } catch (error) {
    throw new FilesError(
      `${output}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    );
  }
  console.log(`Written to ${output}; nightbell apply -f ${output} makes the jobs.`);
}

/** Under keys that follow from the file, so that importing it again makes nothing twice. */
async function create({ jobs }: Mapped, options: ImportOptions): Promise<void> {
  for (let at = 0; at < jobs.length; at += MAX_APPLIED_JOBS) {
    const { actions } = await postApply(options, {
      set: `import-${options.kind}`,
      jobs: jobs.slice(at, at + MAX_APPLIED_JOBS),
    });
    const own = actions.filter(({ action }) => action !== "orphan");
    console.log(hasWork(own) ? planText(own) : "Nothing to do: these jobs are there already.");
  }
}

function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

function complain(message: string): void {
  process.stderr.write(`nightbell import: ${message}\n`);
}
