// Short news of what an action did, at the top of the screen; read aloud, gone by itself.
import { useSyncExternalStore } from "react";
import { IconButton } from "./Button.js";
import { Icon } from "./Icon.js";

interface Toast {
  id: number;
  tone: "good" | "missed";
  text: string;
}

const SHOWN_MS = { good: 4_000, missed: 9_000 };
/** More than this at once and the oldest goes. */
const MAX_TOASTS = 3;

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

export function toast(tone: Toast["tone"], text: string): void {
  const id = nextId++;
  set([...toasts, { id, tone, text }].slice(-MAX_TOASTS));
  setTimeout(() => dismiss(id), SHOWN_MS[tone]);
}

function dismiss(id: number): void {
  set(toasts.filter((one) => one.id !== id));
}

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 top-4 z-60 flex flex-col items-center gap-2"
    >
      {shown.map((one) => (
        <div
          key={one.id}
          className="pointer-events-auto flex max-w-lg animate-rise items-center gap-3 rounded-lg border border-line bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-raised"
        >
          <Icon
            name={one.tone === "good" ? "check" : "warning"}
            className={one.tone === "good" ? "text-good" : "text-missed"}
          />
          <span className="min-w-0 [overflow-wrap:anywhere]">{one.text}</span>
          <IconButton icon="cross" label="Dismiss" onClick={() => dismiss(one.id)} />
        </div>
      ))}
    </div>
  );
}
