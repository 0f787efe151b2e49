/** The address of the log-in and the sign-up: where to go afterwards, and why the person has to. */
export interface LoginSearch {
  next?: string;
  reason?: "ended";
}

export function readLoginSearch(search: Record<string, unknown>): LoginSearch {
  return {
    ...(typeof search["next"] === "string" ? { next: search["next"] } : {}),
    ...(search["reason"] === "ended" ? { reason: "ended" as const } : {}),
  };
}
