// A plan as people read it: one line a job, below an update one line a field. Pure.
import { HIDDEN, isSentOption, type JobAction } from "@nightbell/contract";

const marks: Record<JobAction["action"], string> = {
  create: "+",
  update: "~",
  delete: "-",
  orphan: "?",
  unchanged: " ",
};
const endings: Partial<Record<JobAction["action"], string>> = {
  orphan: "  (no longer described; --prune deletes it)",
};
const MAX_VALUE_LENGTH = 100;

/** What would be done, without what stays as it is; then a line that counts. */
export function planText(actions: readonly JobAction[]): string {
  const lines = actions
    .filter(({ action }) => action !== "unchanged")
    .flatMap(({ action, key, title, changes }) => [
      `${marks[action]} ${plain(key)}  ${plain(title)}${endings[action] ?? ""}`,
      ...changes.map(({ path, from, to }) => `    ${plain(path)}: ${shown(path, from)} → ${shown(path, to)}`),
    ]);
  return [...lines, countText(actions)].join("\n");
}

/** Whether there is anything to do. */
export function hasWork(actions: readonly JobAction[]): boolean {
  return actions.some(({ action }) => ["create", "update", "delete"].includes(action));
}

function countText(actions: readonly JobAction[]): string {
  const count = (wanted: JobAction["action"]) => actions.filter(({ action }) => action === wanted).length;
  return `${count("create")} to create, ${count("update")} to change, ${count("delete")} to delete, ${count("unchanged")} as they should be`;
}

/** Headers and bodies may hold secrets, and plans end in the logs of other systems. */
function shown(path: string, value: unknown): string {
  const [, option = ""] = /^options\.([^.]+)/.exec(path) ?? [];
  if (isSentOption(option) && value !== null) return HIDDEN;
  const text = plain(JSON.stringify(value));
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text;
}

/** What others wrote must not move the cursor of a terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
