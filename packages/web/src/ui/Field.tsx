// A labelled control with its hint and its error. The control gets its id and descriptions from here.
import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";
import { Icon } from "./Icon.js";

export interface ControlProps {
  id: string;
  "aria-invalid": boolean | undefined;
  "aria-describedby": string | undefined;
}

export function Field({
  label,
  hint,
  error,
  isOptional = false,
  children,
  className = "",
}: {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  isOptional?: boolean;
  children: (control: ControlProps) => ReactNode;
  className?: string;
}) {
  const id = useId();
  const described = [error !== undefined && `${id}-error`, hint !== undefined && `${id}-hint`].filter(
    Boolean,
  );
  return (
    <div className={`min-w-0 ${className}`}>
      <label htmlFor={id} className="mb-1.5 flex items-baseline gap-2 text-sm font-medium">
        {label}
        {isOptional && <span className="text-xs font-normal text-faint">optional</span>}
      </label>
      {children({
        id,
        "aria-invalid": error === undefined ? undefined : true,
        "aria-describedby": described.length === 0 ? undefined : described.join(" "),
      })}
      {error !== undefined && <FieldError id={`${id}-error`} message={error} />}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1.5 text-xs text-faint">
          {hint}
        </p>
      )}
    </div>
  );
}

export function FieldError({ id, message }: { id?: string; message: string }) {
  return (
    <p id={id} className="mt-1.5 flex gap-1.5 text-xs font-medium text-missed">
      <Icon name="warning" size={14} className="mt-0.5" />
      {message}
    </p>
  );
}

const box =
  "w-full rounded-md border border-edge bg-surface text-md text-ink max-sm:text-lg transition-colors hover:border-soft aria-invalid:border-missed focus-visible:outline-offset-0 disabled:opacity-60";

export function TextInput({ className = "", ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input {...rest} className={`${box} h-9.5 px-3 ${className}`} />;
}

export function TextArea({ className = "", ...rest }: React.TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea {...rest} className={`${box} min-h-20 px-3 py-2 ${className}`} />;
}

export function Select({ className = "", children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className={`relative block ${className}`}>
      <select {...rest} className={`${box} h-9.5 appearance-none truncate pr-8 pl-3`}>
        {children}
      </select>
      <Icon
        name="chevronDown"
        size={14}
        className="pointer-events-none absolute top-3 right-2.5 text-faint"
      />
    </span>
  );
}

/** A number or length with its unit at the right edge. */
export function UnitInput({ unit, ...rest }: InputHTMLAttributes<HTMLInputElement> & { unit: string }) {
  return (
    <span className="relative block">
      <TextInput inputMode="decimal" autoComplete="off" {...rest} className="num pr-12" />
      <span className="pointer-events-none absolute top-2.5 right-3 text-xs text-faint">{unit}</span>
    </span>
  );
}

export function Checkbox({
  label,
  hint,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & { label: string; hint?: string }) {
  const id = useId();
  return (
    <div className="flex gap-2.5">
      <CheckMark id={id} aria-describedby={hint === undefined ? undefined : `${id}-hint`} {...rest} />
      <div>
        <label htmlFor={id} className="block text-sm font-medium">
          {label}
        </label>
        {hint !== undefined && (
          <p id={`${id}-hint`} className="mt-0.5 text-xs text-faint">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** The bare box; `isPartial` is the state between, for a box that stands for many. */
export function CheckMark({
  isPartial = false,
  className = "",
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & { isPartial?: boolean }) {
  return (
    <span className={`relative inline-grid size-4.5 shrink-0 place-items-center ${className}`}>
      <input
        type="checkbox"
        {...rest}
        ref={(input) => {
          if (input !== null) input.indeterminate = isPartial;
        }}
        className="peer absolute inset-0 appearance-none rounded-sm border border-edge bg-surface checked:border-primary checked:bg-primary indeterminate:border-primary indeterminate:bg-primary hover:border-soft"
      />
      <Icon
        name={isPartial ? "minus" : "check"}
        size={12}
        className={`pointer-events-none relative text-on-primary ${isPartial ? "" : "opacity-0 peer-checked:opacity-100"}`}
      />
    </span>
  );
}
