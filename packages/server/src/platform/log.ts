import { pino, type Logger } from "pino";

export type { Logger } from "pino";

/** JSON lines on stderr, so that stdout stays the program's answer. */
export function createLogger(level: string, role: string): Logger {
  return pino(
    {
      level,
      base: { role },
      redact: ["req.headers.authorization", "req.headers.cookie", "*.password", "*.token"],
    },
    pino.destination(2),
  );
}
