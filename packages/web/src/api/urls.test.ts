import { describe, expect, test } from "vitest";
import { api, parseSearch, safeReturnPath, stringifySearch } from "./urls.js";

const id = "0190a3c4-0000-7000-8000-000000000001";

describe("addresses of the API", () => {
  test("are paths of this origin", () => {
    expect(api.job(id)).toBe(`/api/jobs/${id}`);
    expect(api.jobAction(id, "pause")).toBe(`/api/jobs/${id}/pause`);
    expect(api.samples(id, { limit: 50, cursor: "a+b/=" })).toBe(
      `/api/jobs/${id}/samples?limit=50&cursor=a%2Bb%2F%3D`,
    );
  });

  test("leave out what is not asked for", () => {
    expect(api.jobs()).toBe("/api/jobs");
    expect(api.jobs({ page: 3, limit: 50, status: undefined })).toBe("/api/jobs?page=3&limit=50");
  });

  test("escape what a person typed, and an id that is none", () => {
    expect(api.jobs({ search: "a&b=c #1%" })).toBe("/api/jobs?search=a%26b%3Dc%20%231%25");
    expect(api.job("../profile")).toBe("/api/jobs/..%2Fprofile");
  });

  test("keep commas and colons readable", () => {
    expect(api.stream([`job:${id}`, "job:x"])).toBe(`/api/stream?topics=job:${id},job:x`);
  });
});

describe("search parameters of pages", () => {
  test("come back as they were written, numbers and quotes included", () => {
    const search = { q: '12 "x" & y', status: "running" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
    expect(stringifySearch({ q: undefined })).toBe("");
  });
});

describe("the page to return to after logging in", () => {
  test("is a page of this app", () => {
    expect(safeReturnPath("/jobs/1?range=1h")).toBe("/jobs/1?range=1h");
  });

  test.each([
    undefined,
    "",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/login?next=/",
    "jobs",
  ])("is the job list instead of %s", (path) => expect(safeReturnPath(path)).toBe("/jobs"));
});
