// `nightbell apply`: makes the jobs of a set as files describe them; says first what it will do.
import { createInterface } from "node:readline/promises";
import { MAX_APPLIED_JOBS } from "@nightbell/contract";
import { hasWork, planText } from "./plan-text.js";
import { type Entry, FilesError, readEntries } from "./read-files.js";
import { postApply, ServerError, type ServerOptions } from "./server.js";

export interface ApplyOptions extends ServerOptions {
  readonly files: readonly string[];
  readonly set: string;
  readonly prune: boolean;
  readonly dryRun: boolean;
  /** Without asking. */
  readonly yes: boolean;
}

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_DIFFERENCES = 3;

/**
 * Returns the exit code: 0 when the jobs are as described, 1 when they could not be made so, 2 for files or options that
 * make no sense, 3 when --dry-run found differences.
 */
export async function runApply(options: ApplyOptions): Promise<number> {
  let entries: Entry[];
  try {
    entries = await readEntries(options.files);
    if (entries.length > MAX_APPLIED_JOBS) {
      throw new FilesError(
        `a set has at most ${MAX_APPLIED_JOBS} jobs, and here are ${entries.length}: use several, with --set`,
      );
    }
    if (!options.dryRun && !options.yes && !process.stdin.isTTY) {
      throw new FilesError(
        "nobody can be asked here: say --yes to apply, or --dry-run to see what would be done",
      );
    }
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    complain(error.message.split("\n"));
    return EXIT_USAGE;
  }
  try {
    return await apply(entries, options);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    complain(placed(error, entries));
    return EXIT_FAILED;
  }
}

async function apply(entries: readonly Entry[], options: ApplyOptions): Promise<number> {
  const body = { set: options.set, prune: options.prune, jobs: entries.map(({ job }) => job) };
  const { plan, actions } = await postApply(options, { ...body, dryRun: true });
  console.log(planText(actions));
  if (!hasWork(actions)) return EXIT_OK;
  if (options.dryRun) return EXIT_DIFFERENCES;
  if (!options.yes && !(await agrees())) {
    console.log("Nothing was changed.");
    return EXIT_FAILED;
  }
  await postApply(options, { ...body, expectedPlan: plan });
  console.log("Done.");
  return EXIT_OK;
}

async function agrees(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question("Apply this? [y/N] ")).trim());
  } finally {
    terminal.close();
  }
}

/** Errors of the server by the place of their entry: `shop.yaml:12: target: needs a port`. */
function placed({ message, errors }: ServerError, entries: readonly Entry[]): string[] {
  const lines = (errors ?? []).flatMap(({ path, message }) => {
    const [, index, field] = /^jobs\.(\d+)\.?(.*)$/.exec(path) ?? [];
    const entry = entries[Number(index)];
    return entry === undefined ? [] : [`${entry.place}: ${field === "" ? "" : `${field}: `}${message}`];
  });
  return lines.length > 0 ? lines : [message];
}

function complain(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `nightbell apply: ${line}\n`).join(""));
}
