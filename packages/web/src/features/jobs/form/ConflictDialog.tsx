import type { Job, JobCreate } from "@nightbell/contract";
import { Button } from "../../../ui/Button.js";
import { Dialog } from "../../../ui/Dialog.js";
import { isSame } from "./validate.js";

const fields = {
  title: "Title",
  target: "Target",
  cadenceSeconds: "Cadence (s)",
  durationSeconds: "Duration (s)",
  options: "Details and checks",
  thresholds: "Thresholds",
  monitoringMode: "Mode",
  simulation: "Simulation",
  locations: "Locations",
} as const;
type Field = keyof typeof fields;

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
  const changed = (Object.keys(fields) as Field[]).filter((field) => !isSame(theirs[field], base[field]));
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
      <p>Your changes are still in the form. This is what the other person saved:</p>
      <div className="mt-4 overflow-x-auto">
        <table className="w-full text-left text-sm">
          <thead>
            <tr className="border-b border-line">
              <th className="eyebrow py-2 pr-4">Field</th>
              <th className="eyebrow py-2 pr-4">Saved by them</th>
              <th className="eyebrow py-2">In your form</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((field) => (
              <tr key={field} className="border-b border-line/70 align-top">
                <th className="py-2 pr-4 font-medium whitespace-nowrap text-ink">{fields[field]}</th>
                <Value value={theirs[field]} />
                <Value value={mine?.[field]} />
              </tr>
            ))}
            {changed.length === 0 && (
              <tr>
                <td colSpan={3} className="py-2">
                  Only its status changed.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}

function Value({ value }: { value: unknown }) {
  const text = typeof value === "string" ? value : value === null ? "none" : JSON.stringify(value, null, 1);
  return <td className="code max-w-60 py-2 pr-4 text-xs break-words whitespace-pre-wrap">{text ?? ""}</td>;
}
