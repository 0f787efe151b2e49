import type { Logger } from "../platform/log.js";

/** A second signal this soon is the same key press: npm passes a Ctrl-C on to a program that the terminal told already. */
const SAME_PRESS_MS = 500;
const EXIT_KILLED = 130;

export interface StopSignals {
  /** Resolves when the program is told to stop. */
  readonly requested: Promise<void>;
  isRequested(): boolean;
  /** To be called when everything has ended. */
  logStopped(): void;
}

export interface StopOptions {
  readonly log: Logger;
  /** For the log: how long a clean stop may take. */
  readonly deadlineMs: number;
  readonly killAtOnce: () => void | Promise<void>;
}

/** Listens for SIGINT, SIGTERM and SIGHUP. At a second one `killAtOnce` runs and the process ends. */
export function listenForStop({ log, deadlineMs, killAtOnce }: StopOptions): StopSignals {
  let requestedAt: number | null = null;
  const requested = new Promise<void>((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      if (requestedAt === null) {
        requestedAt = performance.now();
        log.info(`${signal}: stopping; what is under way has ${deadlineMs} ms to end, a second signal kills`);
        resolve();
      } else if (performance.now() - requestedAt > SAME_PRESS_MS) {
        log.warn(`${signal}: killed before everything had ended`);
        void Promise.resolve(killAtOnce()).finally(() => process.exit(EXIT_KILLED));
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
  return {
    requested,
    isRequested: () => requestedAt !== null,
    logStopped() {
      if (requestedAt !== null) log.info(`stopped in ${Math.round(performance.now() - requestedAt)} ms`);
    },
  };
}
