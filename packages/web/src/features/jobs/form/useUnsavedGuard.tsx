import { useBlocker } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Button } from "../../../ui/Button.js";
import { Dialog } from "../../../ui/Dialog.js";

/** Asks before unsaved changes are left behind, inside the app and on closing the tab. */
export function useUnsavedGuard(isDirty: () => boolean): ReactNode {
  const blocker = useBlocker({ shouldBlockFn: isDirty, enableBeforeUnload: isDirty, withResolver: true });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog
      title="Leave without saving?"
      onClose={blocker.reset}
      actions={
        <>
          <Button onClick={blocker.proceed}>Leave</Button>
          <Button data-autofocus look="primary" onClick={blocker.reset}>
            Stay and keep editing
          </Button>
        </>
      }
    >
      What you changed in this form is not saved yet.
    </Dialog>
  );
}
