import { useState } from "react";
import { Button, IconButton } from "../../ui/Button.js";
import { Dialog } from "../../ui/Dialog.js";
import { Field, TextInput } from "../../ui/Field.js";
import type { Window } from "./range.js";
import { fromLocalText, toLocalText } from "./localTime.js";

/** From and to, typed in the person's time zone. */
export function CustomRange({
  window,
  timeZone,
  isOn,
  onChange,
}: {
  window: Window;
  timeZone: string;
  isOn: boolean;
  onChange: (window: Window) => void;
}) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <IconButton
        icon="calendar"
        label="Choose from and to"
        look="plain"
        aria-pressed={isOn}
        className={isOn ? "border-brass! text-brass!" : ""}
        onClick={() => setIsOpen(true)}
      />
      {isOpen && (
        <RangeDialog
          window={window}
          timeZone={timeZone}
          onClose={() => setIsOpen(false)}
          onChange={(next) => {
            setIsOpen(false);
            onChange(next);
          }}
        />
      )}
    </>
  );
}

function RangeDialog({
  window,
  timeZone,
  onClose,
  onChange,
}: {
  window: Window;
  timeZone: string;
  onClose: () => void;
  onChange: (window: Window) => void;
}) {
  const [from, setFrom] = useState(() => toLocalText(window.fromMs, timeZone));
  const [to, setTo] = useState(() => toLocalText(window.toMs, timeZone));
  const fromMs = fromLocalText(from, timeZone);
  const toMs = fromLocalText(to, timeZone);
  const isBackwards = fromMs !== null && toMs !== null && fromMs >= toMs;
  return (
    <Dialog title="Choose from and to" onClose={onClose}>
      <form
        noValidate
        className="mt-3 grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (fromMs !== null && toMs !== null && !isBackwards) onChange({ fromMs, toMs });
        }}
      >
        <Field label="From" error={fromMs === null ? "is needed" : undefined}>
          {(control) => (
            <TextInput
              {...control}
              data-autofocus
              type="datetime-local"
              step={1}
              value={from}
              onChange={(event) => setFrom(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="To"
          hint={`In your time zone, ${timeZone}.`}
          error={toMs === null ? "is needed" : isBackwards ? "must be later than From" : undefined}
        >
          {(control) => (
            <TextInput
              {...control}
              type="datetime-local"
              step={1}
              value={to}
              onChange={(event) => setTo(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" look="primary">
          Show this range
        </Button>
      </form>
    </Dialog>
  );
}
