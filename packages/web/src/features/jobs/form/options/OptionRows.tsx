import type { ReactNode } from "react";
import { Button } from "../../../../ui/Button.js";
import { FieldError } from "../../../../ui/Field.js";

/** An option that is a list, with a row for each entry. */
export function OptionRows({
  title,
  explain,
  add,
  onAdd,
  error,
  children,
}: {
  title: string;
  explain: string;
  add: string;
  onAdd: () => void;
  error: string | undefined;
  children: ReactNode[];
}) {
  return (
    <fieldset>
      <div className="flex items-center justify-between gap-4">
        <div>
          <legend className="text-sm font-medium">{title}</legend>
          <p className="text-xs text-faint">{explain}</p>
        </div>
        <Button size="sm" icon="plus" onClick={onAdd} aria-label={add}>
          Add
        </Button>
      </div>
      {children.length > 0 && <ul className="mt-3 grid gap-2">{children}</ul>}
      {error !== undefined && <FieldError message={error} />}
    </fieldset>
  );
}
