// Whether the server answers, as the calls of the last seconds saw it; the banner at the top of the app shows it.
import { useSyncExternalStore } from "react";

/** `unavailable`: the server answers 503, such as without its database. `offline`: the browser has no network. */
export type Reachability = "ok" | "unreachable" | "unavailable" | "offline";

let current: Reachability = "ok";
const listeners = new Set<() => void>();

/** What a call, or the browser, found. That no answer comes while there is no network says nothing about the server. */
export function reportReachability(found: Reachability): void {
  const next = found === "unreachable" && !navigator.onLine ? "offline" : found;
  if (next === current) return;
  current = next;
  for (const listener of listeners) listener();
}

export function useReachability(): Reachability {
  return useSyncExternalStore(subscribe, () => current);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows the browser's own knowledge of the network; called once at start. */
export function watchNetwork(): void {
  window.addEventListener("offline", () => reportReachability("offline"));
  window.addEventListener("online", () => reportReachability("ok"));
}
