/** A second signal this soon is the same key press: npm passes a Ctrl-C on to a program that the terminal told already. */
const SAME_PRESS_MS = 500;
const EXIT_KILLED = 130;

export interface StopSignals {
  /** Resolves when the program is told to stop. */
  readonly requested: Promise<void>;
  isRequested(): boolean;
}

/** Listens for SIGINT, SIGTERM and SIGHUP. At a second one `killAtOnce` runs and the process ends. */
export function listenForStop(killAtOnce: () => void | Promise<void>): StopSignals {
  let requestedAt: number | null = null;
  const requested = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (requestedAt === null) {
        requestedAt = performance.now();
        resolve();
      } else if (performance.now() - requestedAt > SAME_PRESS_MS) {
        void Promise.resolve(killAtOnce()).finally(() => process.exit(EXIT_KILLED));
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
  return { requested, isRequested: () => requestedAt !== null };
}
