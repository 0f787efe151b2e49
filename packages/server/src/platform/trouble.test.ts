import { expect, test } from "vitest";
import { Trouble } from "./trouble.js";

function told() {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (...parts: unknown[]) =>
      void lines.push(`${level}: ${String(parts.at(-1))}`);
  const log = { debug: at("debug"), info: at("info"), warn: at("warn") };
  return { lines, trouble: new Trouble(log, { began: "stands still", over: "goes on" }) };
}

const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

test("trouble is told once, and once that it is over", () => {
  const { lines, trouble } = told();
  trouble.worked();
  trouble.failed(new Error("syntax error"));
  trouble.failed(new Error("syntax error"));
  trouble.worked();
  trouble.worked();
  expect(lines).toEqual(["warn: stands still", "info: goes on"]);
});

test("that the database is away is left to who watches it, and so is that it is back", () => {
  const { lines, trouble } = told();
  trouble.failed(away);
  trouble.failed(away);
  trouble.worked();
  expect(lines).toEqual(["debug: stands still", "debug: goes on"]);
});

test("what goes wrong besides is still told", () => {
  const { lines, trouble } = told();
  trouble.failed(away);
  trouble.failed(new Error("syntax error"));
  trouble.failed(away);
  trouble.worked();
  expect(lines).toEqual(["debug: stands still", "warn: stands still", "info: goes on"]);
});
