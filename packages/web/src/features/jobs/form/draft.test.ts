import { JobCreate, JobType, type Job } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { draftOf, emptyDraft, optionsBody, toBody, type Draft } from "./draft.js";
import { suggestType } from "./suggestType.js";
import { changesBetween, errorUnder, validate } from "./validate.js";

const targets: Record<JobType, string> = {
  icmp: "192.0.2.10",
  tcp: "db.example.org:5432",
  udp: "192.0.2.10:514",
  http: "https://example.org/health",
  websocket: "wss://example.org/live",
  dns: "example.org",
  tls: "example.org:443",
  latency_api: "192.0.2.10",
  heartbeat: "backup@db1",
};

function draft(type: JobType, change: Partial<Draft> = {}): Draft {
  return { ...emptyDraft(type), target: targets[type], ...change };
}

/** The job that the server would make of a body. */
function jobOf(body: JobCreate): Job {
  const rest = { version: 1, status: "running", requester: null } as unknown as Job;
  return { ...rest, ...JobCreate.parse(body) };
}

describe("the job form", () => {
  test.each(JobType.options)("needs only a target: %s", (type) => {
    const { errors, body } = validate(draft(type));
    expect(errors).toEqual({});
    expect(body).toMatchObject({ type, title: targets[type], cadenceSeconds: 5, durationSeconds: null });
  });

  test.each(JobType.options)("shows a saved job and changes nothing by itself: %s", (type) => {
    const { body } = validate(draft(type));
    expect(body).not.toBeNull();
    if (body === null) return;
    const again = validate(draftOf(jobOf(body))).body;
    expect(again).toEqual(body);
    expect(changesBetween(body, again ?? body)).toEqual({});
  });

  test("says at once everything that is wrong, by field", () => {
    const { errors, body } = validate(
      draft("http", {
        target: "ftp://x",
        cadence: "often",
        duration: "-1",
        thresholds: { warningRttMs: "x", criticalRttMs: "", lossPercent: "101" },
        options: {
          ...emptyDraft().options,
          http: { ...emptyDraft().options.http, timeoutMs: "1", expectedStatuses: "200, 900" },
        },
      }),
    );
    expect(body).toBeNull();
    expect(Object.keys(errors)).toEqual(
      expect.arrayContaining([
        "target",
        "cadenceSeconds",
        "durationSeconds",
        "thresholds.warningRttMs",
        "thresholds.lossPercent",
        "options.timeoutMs",
        "options.expectedStatuses.1",
      ]),
    );
    expect(errors["cadenceSeconds"]).toContain("length of time");
    expect(errorUnder(errors, "options.expectedStatuses")).toBeDefined();
  });

  test("keeps headers, statuses and assertions of every kind", () => {
    const options = {
      headers: { accept: "text/plain" },
      expectedStatuses: [200, 301],
      assertions: [
        { kind: "header", name: "server", contains: "x" },
        { kind: "bodyNot", contains: "error" },
        { kind: "json", path: "ok", equals: true },
        { kind: "json", path: "name", equals: "true" },
        { kind: "json", path: "count", equals: 3 },
        { kind: "json", path: "text", equals: "plain text" },
      ],
    };
    const job = jobOf({ title: "t", type: "http", target: targets.http, cadenceSeconds: 5, options });
    expect(optionsBody(draftOf(job).options.http)).toMatchObject(options);
  });

  test.each(["http", "websocket"] as const)(
    "finds a header of %s that stands there twice, in any case",
    (type) => {
      const options = {
        ...emptyDraft().options[type],
        headers: [
          { name: "Accept", value: "a" },
          { name: "accept", value: "b" },
        ],
      };
      const { errors } = validate(draft(type, { options: { ...emptyDraft().options, [type]: options } }));
      expect(errors["options.headers.accept"]).toBe("stands here twice");
    },
  );

  test("sends only what was changed", () => {
    const before = toBody(draft("icmp")) as JobCreate;
    const after = toBody(draft("icmp", { title: "Router", cadence: "10 s" })) as JobCreate;
    expect(changesBetween(before, after)).toEqual({ title: "Router", cadenceSeconds: 10 });
  });
});

describe("a target that asks for another type", () => {
  test.each([
    ["icmp", "https://example.org", "http"],
    ["http", "example.org:443", "tls"],
    ["http", "db.example.org:5432", "tcp"],
    ["http", "192.0.2.1", "icmp"],
    ["tcp", "udp://192.0.2.1:514", "udp"],
    ["http", "wss://example.org/live", "websocket"],
    ["icmp", "dns://192.0.2.53/example.org", "dns"],
  ] as const)("chosen %s, typed %s: %s", (chosen, target, suggested) =>
    expect(suggestType(chosen, target)).toBe(suggested),
  );

  test.each([
    ["icmp", "example.org"],
    ["icmp", ""],
    ["tcp", "example.org:443"],
    ["http", "htt"],
  ] as const)("chosen %s, typed %s: nothing to say", (chosen, target) =>
    expect(suggestType(chosen, target)).toBeNull(),
  );
});
