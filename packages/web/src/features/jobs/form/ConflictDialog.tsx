import type { Job, JobCreate } from "@nightbell/contract";
import { Button } from "../../../ui/Button.js";
import { Dialog } from "../../../ui/Dialog.js";
import { fieldLabels } from "../words.js";
import { isSame } from "./validate.js";

/** Somebody saved the job while it was being edited: shows what they changed beside what stands in the form. */
export function ConflictDialog({
  base,
  mine,
  theirs,
  onTakeTheirs,
  onKeepMine,
  onClose,
}: {
  base: Job;
  mine: JobCreate | null;
  theirs: Job;
  onTakeTheirs: () => void;
  onKeepMine: () => void;
  onClose: () => void;
}) {
  const before = leavesOf(base);
  const saved = leavesOf(theirs);
  const typed = leavesOf(mine ?? base);
  const changed = Object.keys(saved).filter((field) => !isSame(saved[field], before[field]));
  return (
    <Dialog
      title="Somebody changed this meanwhile"
      width="max-w-2xl"
      onClose={onClose}
      actions={
        <>
          <Button data-autofocus onClick={onTakeTheirs}>
            Discard mine, take theirs
          </Button>
          <Button look="primary" onClick={onKeepMine}>
            Save mine over it
          </Button>
        </>
      }
    >
      {changed.length === 0 ? (
        <p>Only its status changed; what you edited is untouched.</p>
      ) : (
        <>
          <p>Your changes are still in the form. This is what the other person saved:</p>
          <table className="mt-4 w-full table-fixed text-left text-sm">
            <thead>
              <tr className="border-b border-line">
                <th className="eyebrow py-2 pr-4">Field</th>
                <th className="eyebrow py-2 pr-4">Saved by them</th>
                <th className="eyebrow py-2">In your form</th>
              </tr>
            </thead>
            <tbody>
              {changed.map((field) => (
                <tr key={field} className="border-b border-line/70 align-top last:border-b-0">
                  <th className="py-2 pr-4 font-medium text-ink">{fieldLabels[field] ?? field}</th>
                  <td className="py-2 pr-4 [overflow-wrap:anywhere] text-ink">{textOf(saved[field])}</td>
                  <td className="py-2 [overflow-wrap:anywhere]">{textOf(typed[field])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </Dialog>
  );
}

/** What can be edited, one entry per field of the form. */
function leavesOf(job: Job | JobCreate): Record<string, unknown> {
  const { title, target, cadenceSeconds, durationSeconds, monitoringMode, locations } = job;
  return {
    title,
    target,
    cadenceSeconds,
    durationSeconds,
    ...job.options,
    ...job.thresholds,
    monitoringMode,
    ...prefixed(job.simulation),
    locations,
  };
}

/** The simulation's loss is not the threshold's. */
function prefixed(simulation: Job["simulation"] | JobCreate["simulation"]): Record<string, unknown> {
  const { lossPercent, ...rest } = { lossPercent: undefined, ...simulation };
  return { ...rest, simulatedLossPercent: lossPercent };
}

function textOf(value: unknown): string {
  if (value === null || value === undefined || value === "") return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
