// Single-key shortcuts. They rest while a person types, in dialogs and menus, and with any modifier held.
import { useEffect, useEffectEvent } from "react";

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

export function useShortcuts(shortcuts: Shortcuts): void {
  const run = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) return;
    const action = shortcuts[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action(event);
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => run(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("input:not([type=checkbox]), textarea, select, dialog, [role=menu]") !== null
  );
}

/** What the help dialog lists. */
export const shortcutHelp = [
  { keys: ["/"], does: "Search jobs" },
  { keys: ["n"], does: "New job" },
  { keys: ["j", "k"], does: "Next, previous job in the list" },
  { keys: ["Enter"], does: "Open the job" },
  { keys: ["x"], does: "Select the job" },
  { keys: ["e"], does: "Edit the job that is open" },
  { keys: ["p"], does: "Pause or resume the job that is open" },
  { keys: ["←", "→"], does: "Read the chart point by point, once it has the focus" },
  { keys: ["g"], does: "Go to the job list" },
  { keys: ["?"], does: "Show this list" },
] as const;
