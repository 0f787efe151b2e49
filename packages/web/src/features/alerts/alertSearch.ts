/** Which alerts the list shows; what is not resolved when the address does not say. */
export type AlertFilter = "unresolved" | "resolved" | "all";

export interface AlertSearch {
  show?: Exclude<AlertFilter, "unresolved">;
}

export function readAlertSearch(search: Record<string, unknown>): AlertSearch {
  const { show } = search;
  return show === "resolved" || show === "all" ? { show } : {};
}
