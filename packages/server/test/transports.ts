// The two ways in which a probe opens a plain connection; tests of probers hold both to the same words.
import { afterAll } from "vitest";
import { SocketEngine } from "../src/features/probing/sockets/index.js";
import { systemClock } from "../src/platform/clock.js";
import { createLogger } from "../src/platform/log.js";

/** Name and engine of each, for `describe.each`; on systems without the engine there is one. Call it at the top of a file. */
export async function transports(): Promise<[name: string, engine: SocketEngine | undefined][]> {
  const engine = new SocketEngine({ clock: systemClock, log: createLogger("warn", "test") });
  await engine.start();
  afterAll(() => engine.close());
  return engine.thread === null
    ? [["Node", undefined]]
    : [
        ["Node", undefined],
        ["the socket engine", engine],
      ];
}
