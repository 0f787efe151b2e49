import { describe, expect, it } from "vitest";
import type { SampleRecord } from "../samples/index.js";
import { UploadedAlerts } from "./uploaded-alerts.js";

/** What an instance of the API does with uploads: `f1` forgets job 1, `1@7` evaluates its sample of slot 7. */
function instance() {
  const done: string[] = [];
  const alerts = new UploadedAlerts({
    forget: (jobNo) => done.push(`f${jobNo}`),
    samplesStored: (samples) => done.push(...samples.map(({ jobNo, slot }) => `${jobNo}@${slot}`)),
  });
  let now = 0;
  return {
    pass: (ms: number) => (now += ms),
    /** Samples as `job@slot`. */
    take(poller: string, number: number, samples: string[], changedJobs: number[] | null = []): string[] {
      const records = samples.map((text) => {
        const [jobNo, slot] = text.split("@").map(Number);
        return { jobNo, slot } as SampleRecord;
      });
      alerts.stored({ poller, number, changedJobs }, records, now);
      return done.splice(0);
    },
  };
}

describe("an instance that is given every upload of a poller", () => {
  it("rebuilds a job once, and then evaluates what comes", () => {
    const api = instance();
    expect(api.take("a", 4, ["1@1", "2@1"])).toEqual(["f1", "f2", "1@1", "2@1"]);
    expect(api.take("a", 5, ["1@2"])).toEqual(["1@2"]);
    expect(api.take("a", 6, ["2@2", "3@2"])).toEqual(["f3", "2@2", "3@2"]);
  });

  it("takes an upload whose answer was lost once more", () => {
    const api = instance();
    api.take("a", 0, ["1@1"]);
    expect(api.take("a", 0, ["1@1", "1@2"])).toEqual(["1@1", "1@2"]);
    expect(api.take("a", 1, ["1@3"])).toEqual(["1@3"]);
  });
});

describe("a job is rebuilt from history", () => {
  it("when another instance was given an upload in between", () => {
    const api = instance();
    api.take("a", 0, ["1@1", "2@1"]);
    expect(api.take("a", 2, ["1@3"])).toEqual(["f1", "f2", "f1", "1@3"]);
    expect(api.take("a", 3, ["1@4", "2@4"])).toEqual(["f2", "1@4", "2@4"]);
  });

  it("when another poller measured it, here or elsewhere", () => {
    const api = instance();
    api.take("a", 0, ["1@1"]);
    expect(api.take("b", 0, ["1@2"])).toEqual(["f1", "1@2"]);
    // a got the job back.
    expect(api.take("a", 1, ["1@3"], [1])).toEqual(["f1", "f1", "1@3"]);
    expect(api.take("a", 2, ["1@4"], null)).toEqual(["f1", "f1", "1@4"]);
  });

  it("when its poller was silent, which frees what is known of it", () => {
    const api = instance();
    api.take("a", 0, ["1@1"]);
    api.pass(300_000);
    expect(api.take("b", 0, [])).toEqual(["f1"]);
    expect(api.take("a", 1, ["1@2"])).toEqual(["f1", "1@2"]);
  });
});
