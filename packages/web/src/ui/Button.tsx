import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./Icon.js";

type Look = "primary" | "plain" | "quiet" | "danger";
type Size = "md" | "sm";

const looks: Record<Look, string> = {
  primary: "bg-primary text-on-primary shadow-button hover:bg-primary-hover",
  plain: "border border-line bg-surface text-ink shadow-button hover:bg-hover hover:border-edge/60",
  quiet: "text-soft hover:bg-hover hover:text-ink",
  danger: "bg-missed text-on-danger shadow-button hover:brightness-110",
};

/** The classes of a button, for links that look like one. */
export function buttonClass(look: Look = "plain", size: Size = "md"): string {
  const box = size === "md" ? "h-9 px-3.5 text-md" : "h-8 px-2.5 text-sm";
  return `inline-flex items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors select-none disabled:opacity-50 disabled:pointer-events-none ${box} ${looks[look]}`;
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  size?: Size;
  icon?: IconName;
  /** Shows that the action is under way; the button cannot be pressed meanwhile. */
  isBusy?: boolean;
}

export function Button({
  look = "plain",
  size = "md",
  icon,
  isBusy = false,
  children,
  className = "",
  ...rest
}: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled === true || isBusy}
      aria-busy={isBusy || undefined}
      className={`${buttonClass(look, size)} ${className}`}
    >
      {isBusy ? <Spinner /> : icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button of an icon alone; the label is read aloud and shown on hover. */
export function IconButton({
  icon,
  label,
  look = "quiet",
  className = "",
  ...rest
}: Omit<Props, "children"> & { icon: IconName; label: string }) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={`inline-grid size-9 shrink-0 place-items-center rounded-md transition-colors disabled:opacity-40 ${looks[look]} ${className}`}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Spinner() {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" className="shrink-0 animate-spin">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2" opacity="0.25" />
      <path d="M14 8a6 6 0 0 0-6-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}
