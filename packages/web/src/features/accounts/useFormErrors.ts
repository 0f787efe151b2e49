// Errors of a small form: the contract's own messages at once, the server's on their fields after the answer.
import { useState } from "react";
import { ApiError } from "../../api/errors.js";

export interface FormSchema {
  safeParse(
    value: unknown,
  ): { success: true } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } };
}

export function useFormErrors(schema: FormSchema) {
  const [errors, setErrors] = useState<Record<string, string>>({});
  return {
    errors,
    /** True when the body is valid; otherwise its fields show why not. */
    check: (body: unknown): boolean => {
      const result = schema.safeParse(body);
      setErrors(result.success ? {} : firstByPath(result.error.issues));
      return result.success;
    },
    /** Puts the server's field errors on their fields. */
    take: (error: unknown): void => {
      if (error instanceof ApiError) setErrors(firstByPath(error.fieldErrors));
    },
    clear: (field: string): void => {
      setErrors(({ [field]: _cleared, ...rest }) => rest);
    },
  };
}

function firstByPath(
  issues: readonly { path: string | PropertyKey[]; message: string }[],
): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const issue of issues) {
    const path = typeof issue.path === "string" ? issue.path : issue.path.join(".");
    errors[path] ??= issue.message;
  }
  return errors;
}
