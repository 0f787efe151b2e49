import type { ProbeResult, ProbeType } from "@nightbell/contract";
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
    mutationFn: ({ type, target }: { type: ProbeType; target: string }) => {
      const options = optionsBody(draft.options[type]);
      const { timeoutMs } = options;
      return testProbe({ type, target, options }, typeof timeoutMs === "number" ? timeoutMs : 0);
    },
    onError: form.refuse,
  });
  return {
    run: () => {
      const { type } = draft;
      if (type === "heartbeat") return false;
      form.leave("target");
      form.leave("options");
      if (Object.keys(form.allErrors).some((path) => path === "target" || path.startsWith("options"))) {
        return false;
      }
      test.mutate({ type, target: draft.target.trim() });
      return true;
    },
    isPending: test.isPending,
    error: test.error,
    result: test.data,
    target: test.variables?.target ?? "",
  };
}
