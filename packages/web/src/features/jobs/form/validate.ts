import { JobCreate, optionsByType, targetSchema, type JobPatch, type JobType } from "@nightbell/contract";
import { toBody, type Draft } from "./draft.js";

/** Messages by the path of their field in the contract: `target`, `options.assertions.0.path`. */
export type Errors = Readonly<Record<string, string>>;

export function validate(draft: Draft): { errors: Errors; body: JobCreate | null } {
  const body = toBody(draft);
  const result = JobCreate.safeParse(body);
  // Of the target and options the schema speaks only once the rest is right; a form shows everything at once.
  const issues = [...(result.error?.issues ?? []), ...typedIssues(draft.type, draft.target, body.options)];
  const errors: Record<string, string> = {};
  for (const issue of issues) errors[issue.path.join(".")] ??= issue.message;
  const text = draft.duration.trim() !== "" && typeof body.durationSeconds === "string";
  if (typeof body.cadenceSeconds === "string") errors["cadenceSeconds"] = NOT_A_LENGTH;
  if (text) errors["durationSeconds"] = NOT_A_LENGTH;
  const duplicate = duplicateHeader(draft);
  if (duplicate !== null) errors[`options.headers.${duplicate}`] = "stands here twice";
  return { errors, body: Object.keys(errors).length === 0 ? (result.data ?? null) : null };
}

const NOT_A_LENGTH = "must be a length of time such as 5 s, 200 ms or 1 h 30 m";

function typedIssues(type: JobType, target: string, options: Record<string, unknown>) {
  const ofTarget = targetSchema(type).safeParse(target).error?.issues ?? [];
  const ofOptions = optionsByType[type].safeParse(options).error?.issues ?? [];
  return [
    ...ofTarget.map(({ message }) => ({ message, path: ["target"] })),
    ...ofOptions.map(({ message, path }) => ({ message, path: ["options", ...path] })),
  ];
}

function duplicateHeader(draft: Draft): string | null {
  const { headers } = draft.options[draft.type];
  if (!Array.isArray(headers)) return null;
  const seen = new Set<string>();
  for (const header of headers) {
    if (!("name" in header) || header.name === "") continue;
    const key = header.name.toLowerCase();
    if (seen.has(key)) return header.name;
    seen.add(key);
  }
  return null;
}

/** The first message at a path or below it, for a field that stands for several values. */
export function errorUnder(errors: Errors, path: string): string | undefined {
  return errors[path] ?? Object.entries(errors).find(([key]) => key.startsWith(`${path}.`))?.[1];
}

/** What of an edited job differs, to send no more than that. */
export function changesBetween(before: JobCreate, after: JobCreate): JobPatch {
  const patch: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(after)) {
    if (field === "type") continue;
    if (!isSame(value, before[field as keyof JobCreate])) patch[field] = value;
  }
  return patch;
}

/** Equality of JSON values, whatever the order of their fields. */
export function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
