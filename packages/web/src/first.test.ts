import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

const script = readFileSync(new URL("../public/first.js", import.meta.url), "utf8");

test.each([
  ["en-US@posix", "en"],
  ["", "en"],
  ["de-AT", "de-AT"],
])("a browser whose language is called %j formats numbers in %s", (language, spoken) => {
  const navigator = Object.create({ language }) as { language: string };
  runInNewContext(script, { navigator });
  expect(navigator.language).toBe(spoken);
  expect(() => new Intl.NumberFormat(navigator.language)).not.toThrow();
});
