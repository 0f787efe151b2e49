import type { ProbeResult } from "@nightbell/contract";
import type { Ref } from "react";
import { ApiError, sentenceOf } from "../../../api/errors.js";
import { rttParts } from "../../../format/measures.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Notice } from "../../../ui/states.js";
import { PhaseBar } from "../../samples/PhaseBar.js";
import { SampleLabel } from "../StatusLabel.js";
import type { ProbeTest } from "./useProbeTest.js";

/** Asks for a test of the probe and shows what came back. Narrow screens have the button in the bar below. */
export function TestPanel({
  test,
  onTest,
  ref,
}: {
  test: ProbeTest;
  onTest: () => void;
  ref: Ref<HTMLDivElement>;
}) {
  return (
    <Card
      title="Try it"
      aside={
        <Button size="sm" icon="bolt" isBusy={test.isPending} onClick={onTest} className="max-lg:hidden">
          Test now
        </Button>
      }
    >
      <div ref={ref} className="scroll-mb-24 p-4 sm:p-5" aria-live="polite">
        {test.isPending ? (
          <p className="text-sm text-soft">Asking {test.target} …</p>
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
        ) : test.result === undefined ? (
          <p className="text-sm text-soft text-pretty">
            One probe, right now, from the machine that runs Nightbell. Nothing is stored.
          </p>
        ) : (
          <TestResult result={test.result} target={test.target} />
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
