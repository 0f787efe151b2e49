import type { ProbeResult } from "@nightbell/contract";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, sentenceOf } from "../../../api/errors.js";
import { rttParts } from "../../../format/measures.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Notice } from "../../../ui/states.js";
import { PhaseBar } from "../../samples/PhaseBar.js";
import { testProbe } from "../queries.js";
import { SampleLabel } from "../StatusLabel.js";
import { optionsBody } from "./draft.js";
import type { JobForm } from "./useJobForm.js";

/** Runs the probe once, as it stands in the form, and shows what came back. */
export function TestPanel({ form }: { form: JobForm }) {
  const { draft } = form;
  const [testedTarget, setTestedTarget] = useState("");
  const test = useMutation({
    mutationFn: () => {
      const options = optionsBody(draft.options[draft.type]);
      const { timeoutMs } = options;
      setTestedTarget(draft.target.trim());
      return testProbe(
        { type: draft.type, target: draft.target, options },
        typeof timeoutMs === "number" ? timeoutMs : 0,
      );
    },
    onError: form.refuse,
  });
  const blocker = Object.keys(form.allErrors).find((path) => path === "target" || path.startsWith("options"));
  return (
    <Card
      title="Try it"
      aside={
        <Button
          size="sm"
          icon="bolt"
          isBusy={test.isPending}
          onClick={() => {
            form.leave("target");
            form.leave("options");
            if (blocker === undefined) test.mutate();
          }}
        >
          Test now
        </Button>
      }
    >
      <div className="p-4 sm:p-5" aria-live="polite">
        {test.isPending ? (
          <p className="text-sm text-soft">Asking {testedTarget} …</p>
        ) : test.error !== null ? (
          <Notice title="The test did not run">
            {sentenceOf(test.error)}
            {test.error instanceof ApiError &&
              test.error.fieldErrors.map(({ path, message }) => (
                <p key={path}>
                  {path}: {message}
                </p>
              ))}
          </Notice>
        ) : test.data === undefined ? (
          <p className="text-sm text-soft text-pretty">
            One probe, right now, from the machine that runs Nightbell. Nothing is stored.
          </p>
        ) : (
          <TestResult result={test.data} target={testedTarget} />
        )}
      </div>
    </Card>
  );
}

function TestResult({ result, target }: { result: ProbeResult; target: string }) {
  const { value, unit } = rttParts(result.rttMs);
  return (
    <div className="grid gap-4">
      <div className="flex items-end justify-between gap-4">
        <div>
          <SampleLabel status={result.status} />
          {result.rttMs !== null && (
            <p className="num mt-1 text-3xl">
              {value}
              <span className="ml-1 text-lg text-faint">{unit}</span>
            </p>
          )}
        </div>
        {result.address !== null && result.address !== target && (
          <p className="code truncate pb-1 text-xs text-faint" title="The address that was measured">
            {result.address}
          </p>
        )}
      </div>
      {result.error !== null && (
        <Notice tone={result.status === "system_error" ? "fault" : "missed"}>
          {result.error}
          {result.errorCode !== null && <p className="code mt-1 text-xs text-faint">{result.errorCode}</p>}
        </Notice>
      )}
      {result.phases !== null && <PhaseBar phases={result.phases} />}
    </div>
  );
}
