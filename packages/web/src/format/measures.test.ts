import { describe, expect, test } from "vitest";
import { countOf, formatPercent, formatRtt, rttParts } from "./measures.js";

describe("a round trip", () => {
  test.each([
    [null, "–"],
    [0, "0 ms"],
    [0.0049, "4.9 µs"],
    [0.042, "42 µs"],
    [0.9994, "999 µs"],
    [0.9996, "1.00 ms"],
    [4.2149, "4.21 ms"],
    [9.996, "10.0 ms"],
    [42.16, "42.2 ms"],
    [99.96, "100 ms"],
    [421.4, "421 ms"],
    [999.6, "1.00 s"],
    [12_345, "12.3 s"],
  ])("of %s ms reads %s", (rttMs, text) => expect(formatRtt(rttMs)).toBe(text));

  test("comes apart into figure and unit", () => {
    expect(rttParts(42.16)).toEqual({ value: "42.2", unit: "ms" });
    expect(rttParts(null)).toEqual({ value: "–", unit: "" });
  });
});

describe("a share", () => {
  test.each([
    [null, "–"],
    [0, "0 %"],
    [0.004, "< 0.01 %"],
    [0.03, "0.03 %"],
    [2.0, "2 %"],
    [12.49, "12.5 %"],
    [99.995, "> 99.99 %"],
    [99.95, "99.95 %"],
    [100, "100 %"],
  ])("of %s percent reads %s and never hides a loss", (percent, text) =>
    expect(formatPercent(percent)).toBe(text),
  );
});

test("counts agree with their noun", () => {
  expect(countOf(1, "job")).toBe("1 job");
  expect(countOf(100_000, "job")).toBe("100,000 jobs");
});
