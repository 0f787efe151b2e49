import type { JobCreate } from "@nightbell/contract";
import { useMemo, useState } from "react";
import { ApiError } from "../../../api/errors.js";
import { changeAt } from "./changeAt.js";
import { isSame, validate, type Errors } from "./validate.js";
import type { Draft } from "./draft.js";

export type JobForm = ReturnType<typeof useJobForm>;

/**
 * The state of the job form. A field's message shows once the person has left the field or tried to save, and then
 * follows every key. `restored` is what was typed into an earlier form like this. What the server refused stays on its field until that field changes.
 */
export function useJobForm(initial: Draft, restored = initial) {
  const [draft, setDraft] = useState(restored);
  const [saved, setSaved] = useState(initial);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [showsAll, setShowsAll] = useState(false);
  const [refused, setRefused] = useState<Errors>({});
  const [refusals, setRefusals] = useState(0);
  const { errors, body } = useMemo(() => validate(draft), [draft]);

  const shown: Record<string, string> = { ...refused };
  for (const [path, message] of Object.entries(errors)) {
    if (showsAll || left.has(path) || [...left].some((field) => path.startsWith(`${field}.`))) {
      shown[path] = message;
    }
  }

  return {
    draft,
    /** Messages to show, by path. */
    errors: shown as Errors,
    /** Everything that is wrong, shown or not. */
    allErrors: errors,
    body,
    isDirty: !isSame(draft, saved),
    /** How often the server has refused it. */
    refusals,
    set: (path: string, value: unknown): void => {
      setDraft((current) => changeAt(current, path.split("."), value));
      setRefused((current) => without(current, errorPath(path)));
    },
    leave: (path: string): void => {
      setLeft((current) => (current.has(path) ? current : new Set([...current, path])));
    },
    /** The body to send, or null while something is wrong, which then shows. */
    submit: (): JobCreate | null => {
      setShowsAll(true);
      return body;
    },
    refuse: (error: unknown): void => {
      if (!(error instanceof ApiError)) return;
      const byPath: Record<string, string> = {};
      for (const { path, message } of error.fieldErrors) byPath[path] ??= message;
      if (error.code === "simulation_forbidden")
        byPath["monitoringMode"] = "Here only test accounts may simulate. Untick this to measure the target.";
      setRefused(byPath);
      setRefusals((count) => count + 1);
    },
    /** Forgets what is unsaved: after saving, or to take what somebody else saved. */
    settle: (next: Draft): void => {
      setDraft(next);
      setSaved(next);
      setRefused({});
      setShowsAll(false);
      setLeft(new Set());
    },
  };
}

/** Draft path → contract path: `options.http.timeoutMs` → `options.timeoutMs`; cadence and duration say their unit. */
function errorPath(path: string): string {
  if (path === "cadence" || path === "duration") return `${path}Seconds`;
  return path.replace(/^options\.[a-z_]+\./, "options.");
}

function without(errors: Errors, path: string): Errors {
  return Object.fromEntries(
    Object.entries(errors).filter(([key]) => key !== path && !key.startsWith(`${path}.`)),
  );
}
