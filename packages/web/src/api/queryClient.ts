import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, hasCode } from "./errors.js";

/** Pages that nobody looks at leave the cache after this, so scrolling through 100,000 rows stays bounded. */
const GC_MS = 60_000;
const MAX_RETRIES = 2;

/** `onSessionLost` is called when any call finds that the session ended. */
export function createQueryClient(onSessionLost: () => void): QueryClient {
  const onError = (error: unknown) => {
    if (hasCode(error, "unauthenticated")) onSessionLost();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        gcTime: GC_MS,
        staleTime: 2_000,
        // Failures are shown at once and polled over; `online` mode would wait in silence.
        networkMode: "always",
        // Without this, that mode would leave what is not polled as old as the network was away.
        refetchOnReconnect: "always",
        retry: (failures, error) => failures < MAX_RETRIES && error instanceof ApiError && error.isTransient,
        retryDelay: (failures) => 600 * 2 ** failures,
      },
      mutations: { networkMode: "always" },
    },
  });
}
