import { type Query, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useReachability } from "../api/connection.js";
import { Icon } from "../ui/Icon.js";

const sentences = {
  offline: "You are offline. What you see may be old; it refreshes when the network is back.",
  unreachable: "Nightbell does not answer. What you see may be old; trying again.",
  unavailable:
    "Nightbell is starting or has lost its database. Probes are kept and stored later; trying again.",
};

/** Stays until a call succeeds again. */
export function ConnectionBanner() {
  const reachability = useReachability();
  const queryClient = useQueryClient();
  const isOk = reachability === "ok";
  useEffect(() => {
    // What failed and is not polled would say so long after the outage.
    const failed = { type: "active", predicate: (query: Query) => query.state.status === "error" } as const;
    if (isOk) void queryClient.refetchQueries(failed);
  }, [isOk, queryClient]);
  if (isOk) return null;
  return (
    <div
      role="alert"
      className="flex items-center justify-center gap-3 bg-warn px-4 py-2 text-sm font-medium text-on-danger"
    >
      <Icon name="signal" />
      <span>{sentences[reachability]}</span>
      <button
        type="button"
        onClick={() => void queryClient.refetchQueries({ type: "active" })}
        className="shrink-0 rounded-sm px-1.5 underline underline-offset-3"
      >
        Try now
      </button>
    </div>
  );
}
