// One control for each kind of option, bound to its field of the draft.
import type { ReactNode } from "react";
import { Checkbox, Field, Select, TextArea, TextInput, UnitInput } from "../../../../ui/Field.js";
import type { JobForm } from "../useJobForm.js";
import { errorUnder } from "../validate.js";

interface OptionProps {
  form: JobForm;
  name: string;
  label: string;
  hint?: ReactNode;
}

function useOption(form: JobForm, name: string) {
  const value = form.draft.options[form.draft.type][name];
  return {
    text: typeof value === "string" ? value : "",
    isOn: value === true,
    error: errorUnder(form.errors, `options.${name}`),
    set: (next: string | boolean) => form.set(`options.${form.draft.type}.${name}`, next),
    leave: () => form.leave(`options.${name}`),
  };
}

export function OptionNumber({ form, name, label, hint, unit }: OptionProps & { unit: string }) {
  const option = useOption(form, name);
  return (
    <Field label={label} hint={hint} error={option.error}>
      {(control) => (
        <UnitInput
          {...control}
          unit={unit}
          value={option.text}
          onChange={(event) => option.set(event.target.value)}
          onBlur={option.leave}
        />
      )}
    </Field>
  );
}

export function OptionText({
  form,
  name,
  label,
  hint,
  placeholder,
  isLong = false,
}: OptionProps & { placeholder?: string; isLong?: boolean }) {
  const option = useOption(form, name);
  const Control = isLong ? TextArea : TextInput;
  return (
    <Field label={label} hint={hint} error={option.error}>
      {(control) => (
        <Control
          {...control}
          autoComplete="off"
          spellCheck={false}
          placeholder={placeholder}
          value={option.text}
          onChange={(event: { target: { value: string } }) => option.set(event.target.value)}
          onBlur={option.leave}
          className="code"
        />
      )}
    </Field>
  );
}

export function OptionSelect({
  form,
  name,
  label,
  hint,
  options,
}: OptionProps & { options: readonly (readonly [value: string, label: string])[] }) {
  const option = useOption(form, name);
  return (
    <Field label={label} hint={hint} error={option.error}>
      {(control) => (
        <Select {...control} value={option.text} onChange={(event) => option.set(event.target.value)}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

export function OptionCheck({ form, name, label, hint }: Omit<OptionProps, "hint"> & { hint?: string }) {
  const option = useOption(form, name);
  return (
    <Checkbox
      label={label}
      {...(hint === undefined ? {} : { hint })}
      checked={option.isOn}
      onChange={(event) => option.set(event.target.checked)}
    />
  );
}
