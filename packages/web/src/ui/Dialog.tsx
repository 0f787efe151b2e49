// Dialogs on the browser's own <dialog>: focus stays inside, Escape closes, the page behind is inert.
import { useEffect, useId, useRef, type ReactNode } from "react";
import { Button, IconButton } from "./Button.js";

export function Dialog({
  title,
  children,
  actions,
  onClose,
  width = "max-w-md",
}: {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
  onClose: () => void;
  width?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    element?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current) onClose();
      }}
      className={`w-[calc(100vw-2rem)] ${width} animate-rise rounded-xl border border-line bg-raised p-0 shadow-raised`}
    >
      <div className="flex items-start justify-between gap-4 px-6 pt-5">
        <h2 id={titleId} className="pt-1 text-lg font-semibold tracking-[-0.01em]">
          {title}
        </h2>
        <IconButton icon="cross" label="Close" onClick={onClose} className="-mr-2" />
      </div>
      <div className="px-6 pt-2 pb-6 text-md text-soft">{children}</div>
      {actions !== undefined && (
        <div className="flex flex-wrap justify-end gap-2 border-t border-line px-6 py-4">{actions}</div>
      )}
    </dialog>
  );
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({
  title,
  children,
  confirm,
  look = "danger",
  isBusy,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ReactNode;
  confirm: string;
  look?: "danger" | "primary";
  isBusy: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button data-autofocus onClick={onClose}>
            Keep it
          </Button>
          <Button look={look} isBusy={isBusy} onClick={onConfirm}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
