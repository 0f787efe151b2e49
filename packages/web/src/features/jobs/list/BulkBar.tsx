import { formatCount } from "../../../format/measures.js";
import { Button, IconButton } from "../../../ui/Button.js";
import type { BulkAction } from "../queries.js";
import { actionLabels } from "../transitions.js";
import { MAX_SELECTED, type Selection } from "./useSelection.js";

const actions: BulkAction[] = ["pause", "resume", "cancel", "delete"];

/** What can be done with the chosen jobs; floats over the list. */
export function BulkBar({
  selection,
  isBusy,
  onAction,
}: {
  selection: Selection;
  isBusy: boolean;
  onAction: (action: BulkAction, ids: string[]) => void;
}) {
  return (
    <div className="pointer-events-none fixed inset-x-3 bottom-4 z-40 flex justify-center lg:left-54">
      <div
        role="toolbar"
        aria-label="Actions for the selected jobs"
        className="pointer-events-auto flex max-w-full animate-rise flex-wrap max-sm:w-full items-center justify-center gap-1.5 rounded-xl border border-line bg-raised p-2 shadow-raised"
      >
        <p role="status" className="px-2.5 text-sm font-medium max-sm:grow">
          {formatCount(selection.count)} selected
          {selection.count === MAX_SELECTED && <span className="text-faint"> (the most at once)</span>}
        </p>
        <span aria-hidden="true" className="order-1 basis-full sm:hidden" />
        {actions.map((action) => (
          <Button
            key={action}
            size="sm"
            icon={actionLabels[action].icon}
            disabled={isBusy}
            className={`max-sm:order-2 max-sm:flex-1 max-sm:[&>svg]:hidden ${action === "delete" ? "text-missed!" : ""}`}
            onClick={() => onAction(action, [...selection.ids])}
          >
            {actionLabels[action].verb}
          </Button>
        ))}
        <IconButton icon="cross" label="Clear the selection" onClick={selection.clear} className="size-8!" />
      </div>
    </div>
  );
}
