// Learns of an outage long before a call gives up: a server that was silent for a moment is asked how it is.
import { Health } from "@nightbell/contract";
import { type Reachability, reportReachability, silenceMs } from "./connection.js";
import { parseJson } from "./json.js";
import { api } from "./urls.js";

/** With the second that the server gives its database, an outage shows within four. */
const SILENCE_MS = 2_000;
/** The server answers within a second even without its database. */
const ASK_TIMEOUT_MS = 4_000;

/**
 * Asks after each silence, while somebody looks at the page; called once at start. Live pages are hardly ever silent, and
 * the answer costs the server at most a trivial query a second, however many ask.
 */
export function watchServer(isSeen = () => document.visibilityState === "visible"): void {
  const look = async () => {
    if (silenceMs() >= SILENCE_MS && isSeen()) reportReachability(await askServer(api.readiness()));
    const restMs = SILENCE_MS - silenceMs();
    setTimeout(() => void look(), restMs > 0 ? restMs : SILENCE_MS);
  };
  setTimeout(() => void look(), SILENCE_MS);
}

/** That it is not ready for want of a poller is no outage: it answers. */
export async function askServer(url: string): Promise<Exclude<Reachability, "offline">> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS), cache: "no-store" });
    const health = Health.safeParse(parseJson(await response.text()));
    if (!health.success) return response.status === 503 ? "unavailable" : "ok";
    return health.data.metrics.database.unavailableSince === null ? "ok" : "unavailable";
  } catch {
    return "unreachable";
  }
}
