import type { ProbeResult } from "@nightbell/contract";
import { useMutation } from "@tanstack/react-query";
import { testProbe } from "../queries.js";
import { optionsBody } from "./draft.js";
import type { JobForm } from "./useJobForm.js";

export interface ProbeTest {
  /** Runs the probe once as it stands in the form; false, with its messages shown, while that is not possible. */
  run: () => boolean;
  isPending: boolean;
  error: unknown;
  result: ProbeResult | undefined;
  /** What was or is being asked. */
  target: string;
}

export function useProbeTest(form: JobForm): ProbeTest {
  const { draft } = form;
  const test = useMutation({
    mutationFn: (target: string) => {
      const options = optionsBody(draft.options[draft.type]);
      const { timeoutMs } = options;
      return testProbe({ type: draft.type, target, options }, typeof timeoutMs === "number" ? timeoutMs : 0);
    },
    onError: form.refuse,
  });
  return {
    run: () => {
      form.leave("target");
      form.leave("options");
      if (Object.keys(form.allErrors).some((path) => path === "target" || path.startsWith("options"))) {
        return false;
      }
      test.mutate(draft.target.trim());
      return true;
    },
    isPending: test.isPending,
    error: test.error,
    result: test.data,
    target: test.variables ?? "",
  };
}
