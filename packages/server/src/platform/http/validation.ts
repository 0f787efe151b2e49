// Zod schemas validate requests and write answers; what is wrong is named by field.
import type { FastifyInstance, FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import type { z } from "zod";
import { type FieldError, NightbellError } from "../errors.js";

/** Deeper than any body of the API, and far from what recursion survives. */
const MAX_DEPTH = 64;

export function addValidation(app: FastifyInstance): void {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
}

const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  // A malformed id is the id of nothing.
  if (httpPart === "params") return (params) => accept(schema.safeParse(params), notFound);
  return (input) => {
    const unreadable = findUnreadableText(input, []);
    if (unreadable !== null) return { error: invalid([unreadable]) };
    return accept(schema.safeParse(input), (issues) => invalid(fieldErrors(issues)));
  };
};

/**
 * Writes nothing that the schema does not name, and fails rather than break the contract. Parses instead of encoding:
 * answers have no transforms, and zod compiles only the parser (50 jobs: 0.15 ms instead of 0.6 ms).
 */
const serializerCompiler: FastifySerializerCompiler<z.ZodType> =
  ({ schema }) =>
  (answer) =>
    JSON.stringify(schema.parse(answer));

function accept(
  result: z.ZodSafeParseResult<unknown>,
  refuse: (issues: z.core.$ZodIssue[]) => NightbellError,
) {
  return result.success ? { value: result.data } : { error: refuse(result.error.issues) };
}

/** Flattens zod's issues; each unknown key becomes an error of its own. */
export function fieldErrors(issues: readonly z.core.$ZodIssue[], prefix: PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: dotted([...path, key]), message: issue.message }));
    }
    return [{ path: dotted(path), message: issue.message }];
  });
}

export function invalid(errors: FieldError[]): NightbellError {
  const [first] = errors;
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const detail =
    first === undefined ? "The request is not valid." : `${first.path || "request"}: ${first.message}${rest}`;
  return new NightbellError("validation_failed", detail, { errors });
}

function notFound(): NightbellError {
  return new NightbellError("not_found", "There is nothing here, or it belongs to another organisation.");
}

function dotted(path: PropertyKey[]): string {
  return path.map(String).join(".");
}

/** Text that Postgres cannot store (NUL, lone surrogates), or nesting without end. */
function findUnreadableText(value: unknown, path: string[]): FieldError | null {
  if (typeof value === "string") {
    if (value.includes("\0")) return { path: dotted(path), message: "must not contain the NUL character" };
    return value.isWellFormed() ? null : { path: dotted(path), message: "must be well-formed Unicode" };
  }
  if (typeof value !== "object" || value === null) return null;
  if (path.length >= MAX_DEPTH) return { path: dotted(path.slice(0, 3)), message: "is nested too deeply" };
  for (const [key, child] of Object.entries(value)) {
    const found = findUnreadableText(key, path) ?? findUnreadableText(child, [...path, key]);
    if (found !== null) return found;
  }
  return null;
}
