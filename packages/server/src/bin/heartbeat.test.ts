import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Heartbeat } from "./heartbeat.js";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

function watched({ answers }: { answers: boolean }) {
  const said: string[] = [];
  const other = { answers };
  const heartbeat: Heartbeat = new Heartbeat({
    ask: () => {
      said.push("asked");
      if (other.answers) heartbeat.answered();
    },
    onSilent: (since) => said.push(`silent since ${since.getTime()}`),
    onAnsweringAgain: (silentForMs) => said.push(`silent for ${silentForMs}`),
  });
  return { heartbeat, said, other };
}

test("says once that the other process is silent, and when it answers again", () => {
  const { heartbeat, said, other } = watched({ answers: true });
  vi.advanceTimersByTime(2_000);
  other.answers = false;
  vi.advanceTimersByTime(20_000);
  expect(said).toEqual(["asked", "asked", "asked", "silent since 2000"]);
  heartbeat.answered(); // The open question, answered late.
  expect(said.at(-1)).toBe("silent for 20000");
  heartbeat.stop();
});

test("misses nothing while this process itself stands still", () => {
  const { heartbeat, said } = watched({ answers: false });
  vi.advanceTimersByTime(1_000);
  vi.setSystemTime(60_000); // No timer fires meanwhile; the answer lies in the channel.
  vi.advanceTimersByTime(1_000);
  heartbeat.answered();
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual(["asked", "asked"]);
  heartbeat.stop();
});
