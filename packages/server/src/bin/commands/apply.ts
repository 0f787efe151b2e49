import { runApply } from "../../features/job-files/index.js";
import { type ServerArguments, serverOf } from "../server-arguments.js";

export interface ApplyArguments extends ServerArguments {
  readonly file: string[];
  readonly set: string;
  readonly prune: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** `nightbell apply`; returns the exit code. */
export function apply(options: ApplyArguments, environment: NodeJS.ProcessEnv): Promise<number> {
  const { file, set, prune, dryRun, yes } = options;
  return runApply({ ...serverOf(options, environment), files: file, set, prune, dryRun, yes });
}
