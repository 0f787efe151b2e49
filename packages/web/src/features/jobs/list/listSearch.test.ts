import { describe, expect, test } from "vitest";
import { listQuery, nextSort, readListSearch } from "./listSearch.js";
import { pagesBetween } from "./useJobWindow.js";

describe("the list's filters in the address", () => {
  test("are read back", () => {
    const search = { status: "running", type: "http", q: "api", sort: "title" };
    expect(readListSearch(search)).toEqual(search);
  });

  test("are left out when they mean nothing or the default", () => {
    expect(readListSearch({ status: "happy", type: 3, q: "  ", sort: "-createdAt" })).toEqual({});
  });

  test("become the query of a page", () => {
    expect(listQuery({ q: " api " }, 3)).toEqual({ page: 3, limit: 50, search: "api" });
  });

  test("sort up, down and not at all", () => {
    expect(nextSort("title", "-createdAt")).toBe("title");
    expect(nextSort("title", "title")).toBe("-title");
    expect(nextSort("title", "-title")).toBe("-createdAt");
  });
});

test("the pages of the rows in view", () => {
  expect(pagesBetween(0, 49)).toEqual([1]);
  expect(pagesBetween(49, 50)).toEqual([1, 2]);
  expect(pagesBetween(99_960, 99_999)).toEqual([2_000]);
});
