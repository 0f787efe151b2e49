// Whether the server answers, as the calls of the last seconds saw it; the banner at the top of the app shows it.
import { useSyncExternalStore } from "react";

/** `unavailable`: the server answers 503, such as without its database. `offline`: the browser has no network. */
export type Reachability = "ok" | "unreachable" | "unavailable" | "offline";

let current: Reachability = "ok";
/** As the browser says, from its first word about it on. */
let hasNetwork = true;
const listeners = new Set<() => void>();

/** What a call found. That no answer comes while there is no network says nothing about the server. */
export function reportReachability(found: Exclude<Reachability, "offline">): void {
  const next = found === "unreachable" && !hasNetwork ? "offline" : found;
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
  window.addEventListener("offline", () => {
    hasNetwork = false;
    reportReachability("unreachable");
  });
  window.addEventListener("online", () => {
    hasNetwork = true;
    reportReachability("ok");
  });
}
