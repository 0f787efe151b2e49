import { type ImportKind, runImport } from "../../features/job-files/index.js";
import { type ServerArguments, serverOf } from "../server-arguments.js";

export interface ImportArguments extends ServerArguments {
  readonly targets?: string;
  readonly dryRun: boolean;
  readonly output?: string;
}

/** `nightbell import`; returns the exit code. */
export function importJobs(
  kind: ImportKind,
  file: string,
  options: ImportArguments,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { targets, dryRun, output } = options;
  return runImport({ ...serverOf(options, environment), kind, file, targets, dryRun, output });
}
