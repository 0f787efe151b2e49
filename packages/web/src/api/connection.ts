// Whether the server answers, as calls and the watch saw it; the banner at the top of the app shows it.
import { useSyncExternalStore } from "react";
import { serverNow } from "./serverClock.js";

/** `unavailable`: the server answers 503, such as without its database. `offline`: the browser has no network. */
export type Reachability = "ok" | "unreachable" | "unavailable" | "offline";

/** Pollers hand in what they kept within this after the database's return. */
const CATCH_UP_MS = 30_000;

let current: Reachability = "ok";
/** As the browser says, from its first word about it on. */
let hasNetwork = true;
let heardAtMs = Date.now();
let outageEndMs: number | null = null;
let catchUpTimer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

/** What a call found. That no answer comes while there is no network says nothing about the server. */
export function reportReachability(found: Exclude<Reachability, "offline">): void {
  if (found === "ok") noteAnswer();
  const next = found === "unreachable" && !hasNetwork ? "offline" : found;
  if (next === current) return;
  if (next === "ok" && current !== "offline") beginCatchUp();
  current = next;
  notify();
}

/** The server was heard, whatever it said. */
export function noteAnswer(): void {
  heardAtMs = Date.now();
}

/** For how long the server was not heard. */
export function silenceMs(): number {
  return Date.now() - heardAtMs;
}

export function useReachability(): Reachability {
  return useSyncExternalStore(subscribe, () => current);
}

/**
 * When the server's last outage ended, in milliseconds of its clock, for as long as what was measured before may still be
 * on its way; else null.
 */
export function useRecentOutageEnd(): number | null {
  return useSyncExternalStore(subscribe, () => outageEndMs);
}

function beginCatchUp(): void {
  outageEndMs = serverNow();
  clearTimeout(catchUpTimer);
  catchUpTimer = setTimeout(() => {
    outageEndMs = null;
    notify();
  }, CATCH_UP_MS);
}

function notify(): void {
  for (const listener of listeners) listener();
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
