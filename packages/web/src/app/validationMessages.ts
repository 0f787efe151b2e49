// Says in plain words what a schema finds wrong, where the contract has no sentence of its own.

/** The fields of zod's issues that tell what was expected. */
interface RawIssue {
  code?: string | undefined;
  input?: unknown;
  expected?: unknown;
  minimum?: unknown;
  maximum?: unknown;
  origin?: unknown;
}

export function validationMessage(issue: RawIssue): string | undefined {
  if (issue.code === "invalid_type" && (issue.input === undefined || issue.input === null))
    return "is needed";
  if (issue.code === "invalid_type" && issue.expected === "number") return "must be a number";
  if (issue.code === "invalid_type" && issue.expected === "int") return "must be a whole number";
  const unit = issue.origin === "string" ? " characters" : issue.origin === "array" ? " entries" : "";
  if (issue.code === "too_small") {
    if (unit !== "" && Number(issue.minimum) === 1) return "must not be empty";
    return unit === ""
      ? `must be at least ${String(issue.minimum)}`
      : `must have at least ${String(issue.minimum)}${unit}`;
  }
  if (issue.code === "too_big") {
    return unit === ""
      ? `must be at most ${String(issue.maximum)}`
      : `must have at most ${String(issue.maximum)}${unit}`;
  }
  return undefined;
}
