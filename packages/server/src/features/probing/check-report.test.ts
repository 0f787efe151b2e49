import { describe, expect, it } from "vitest";
import { sampleJson, sampleLine, summarize, table, verdict, type CheckTally } from "./check-report.js";
import { failed, succeeded } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";

const plain = { width: 100, isColoured: false };
const answered = (rttUs: number): ProbeOutcome => succeeded({ rttUs, phases: null, address: "127.0.0.1" });
const refused = failed({ code: "connection_refused", error: "connection refused by 127.0.0.1:1" });
const denied = failed({ code: "permission", error: "no permission to send ICMP" });

function tally(label: string, outcomes: ProbeOutcome[], duplicates = 0): CheckTally {
  const samples = outcomes.map((outcome, index) => ({
    sequenceNumber: index + 1,
    scheduledAtMs: 1_700_000_000_000 + index * 200,
    latenessMs: 0.4,
    outcome,
  }));
  return { label, type: "icmp", samples, duplicates };
}

describe("the report of nightbell check", () => {
  it("sums up like ping does: counts, loss, min, average, max, deviation and p95", () => {
    const rtts = Array.from({ length: 20 }, (_, index) => answered((index + 1) * 1_000));
    expect(summarize(tally("a", [...rtts, refused], 2))).toEqual({
      target: "a",
      type: "icmp",
      sent: 21,
      received: 20,
      systemErrors: 0,
      duplicates: 2,
      lossPercent: 100 / 21,
      minRttMs: 1,
      avgRttMs: 10.5,
      maxRttMs: 20,
      stddevRttMs: 5.766,
      p95RttMs: 19,
    });
  });

  it("does not call an error of ours a loss", () => {
    expect(summarize(tally("a", [denied]))).toMatchObject({
      systemErrors: 1,
      lossPercent: null,
      received: 0,
    });
    expect(summarize(tally("a", [denied, answered(1_000)]))).toMatchObject({ lossPercent: 0 });
  });

  it("aligns numbers under their titles and says why a target failed", () => {
    const lines = table(
      [
        tally("127.0.0.1", [answered(21), answered(33)]),
        tally("tcp://127.0.0.1:1", [answered(1_250), refused]),
      ],
      plain,
    );
    expect(lines.join("\n")).toMatchInlineSnapshot(`
      "  times in ms        sent  ok  loss    min    avg    max  stddev    p95
      ✓ 127.0.0.1             2   2   0 %  0.021  0.027  0.033   0.006  0.033
      ✗ tcp://127.0.0.1:1     2   1  50 %  1.250  1.250  1.250   0.000  1.250
          connection refused by 127.0.0.1:1"
    `);
  });

  it("shows duplicates and errors of ours only when there are any", () => {
    const [header] = table([tally("a", [answered(1_000)])], plain);
    expect(header).not.toMatch(/dup|errors/);
    const [withBoth] = table([tally("a", [answered(1_000), denied], 1)], plain);
    expect(withBoth).toMatch(/errors.*dup/);
  });

  it("fits any width: the least important columns go first, then the label is cut", () => {
    const tallies = [tally("https://a-rather-long-name.example.org/health", [answered(1_000), refused])];
    for (let width = 30; width < 160; width += 1) {
      const lines = table(tallies, { width, isColoured: false });
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
      expect(lines[0]).toContain("loss");
    }
  });

  it("keeps control characters of a hostile server out of the terminal", () => {
    const hostile = failed({ code: "http_body", error: "got \u001B[2J\u0007 instead" });
    const shown = [
      ...table([tally("a", [hostile])], plain),
      ...tally("a", [hostile]).samples.map((sample) => sampleLine("a", sample, 5)),
    ];
    expect(shown.join("")).not.toMatch(/\p{Cc}/u);
  });

  it("colours only where asked", () => {
    const tallies = [tally("a", [refused])];
    expect(table(tallies, plain).join("")).not.toContain("\u001B");
    expect(table(tallies, { width: 100, isColoured: true }).join("")).toContain("\u001B[31m");
  });

  it("ends with one sentence", () => {
    const good = summarize(tally("a", [answered(1_000)]));
    const bad = summarize(tally("b", [answered(1_000), refused]));
    expect(verdict([good], plain)).toBe("The target answered every time.");
    expect(verdict([good, good], plain)).toBe("All 2 targets answered every time.");
    expect(verdict([good, bad], plain)).toBe("1 of 2 targets failed.");
    expect(verdict([summarize(tally("a", []))], plain)).toBe("Nothing was measured.");
  });

  it("writes a sample as one line of JSON with the names of the API", () => {
    const one = tally("a", [answered(1_234)]);
    expect(one.samples.map((sample) => JSON.parse(sampleJson(one, sample)) as unknown)).toEqual([
      {
        kind: "sample",
        target: "a",
        type: "icmp",
        sequenceNumber: 1,
        scheduledAt: "2023-11-14T22:13:20.000Z",
        latenessMs: 0.4,
        status: "success",
        rttMs: 1.234,
        errorCode: null,
        error: null,
        phases: null,
        address: "127.0.0.1",
      },
    ]);
  });
});
