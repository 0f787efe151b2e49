// Everything a newcomer needs, without touching the mouse.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import {
  createDatabase,
  eventually,
  type RunningNightbell,
  startNightbell,
  type TestDatabase,
} from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { type Person, person, sees } from "./person.js";

describe("with the keyboard alone", () => {
  let database: TestDatabase;
  let nightbell: RunningNightbell;
  let browser: Browser;
  let ada: Person;

  beforeAll(async () => {
    database = await createDatabase();
    [nightbell, browser] = await Promise.all([
      startNightbell({ databaseUrl: database.url }),
      launchBrowser(),
    ]);
    ada = await person(browser, nightbell.url);
  });
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  const type = (text: string) => ada.page.keyboard.type(text);
  const press = async (...keys: string[]) => {
    for (const key of keys) await ada.page.keyboard.press(key);
  };
  /** Moves on with Tab until the focus is where it should be. */
  const tabTo = (name: RegExp) =>
    eventually(
      async () => {
        if (!name.test(await focused())) await press("Tab");
        expect(await focused()).toMatch(name);
      },
      { everyMs: 0 },
    );
  const focused = () =>
    ada.page.evaluate<string>(
      `(() => { const at = document.activeElement; return at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent; })()`,
    );

  test("one signs up", async () => {
    await ada.page.goto("/");
    await sees(ada.page.getByRole("heading", { name: "Set up Nightbell" }));
    await tabTo(/^Your name/);
    await type("Ada Lovelace");
    await press("Tab");
    await type("ada@example.org");
    await press("Tab");
    await type("numbers and their engines");
    await press("Enter");
    await sees(ada.page.getByRole("heading", { name: "Measure your first target" }));
  });

  test("one creates a job and reads its chart", async () => {
    const { page } = ada;
    await press("n");
    await sees(page.getByRole("heading", { name: "New job" }));
    // The target has the focus; the choice of types lies before it. Nightbell is asked for itself.
    await press("Shift+Tab", "ArrowRight", "Tab");
    await type(new URL(nightbell.url).host);
    await tabTo(/^Test now/);
    await press("Enter");
    await sees(page.getByText("Success"));
    await tabTo(/^Create job/);
    await press("Enter");
    await sees(page.getByRole("heading", { name: new URL(nightbell.url).host }));
    await sees(page.getByRole("table", { name: "Recent samples" }).getByText("Success").first());
    await tabTo(/^Round-trip times/);
    await press("ArrowLeft");
    await sees(page.locator("[aria-live=polite]").getByText(/ms|µs/).first());
  });

  test("one pauses, edits and finds it by shortcuts", async () => {
    const { page } = ada;
    await press("p");
    await sees(page.getByText("This job is paused"));
    await press("e");
    await sees(page.getByRole("heading", { name: /^Edit/ }));
    await tabTo(/^Title/);
    await press("Control+a");
    await type("Loopback");
    await press("Enter");
    await sees(page.getByRole("heading", { name: "Loopback" }));
    await press("g");
    await sees(page.getByRole("heading", { name: "Jobs" }));
    await press("/");
    await type("loop");
    await press("Escape", "Escape");
    await sees(page.getByRole("link", { name: "Loopback" }));
    await press("j", "Enter");
    await sees(page.getByRole("heading", { name: "Loopback" }));
    await press("?");
    await sees(page.getByRole("dialog", { name: "Keyboard shortcuts" }));
    await press("Escape");
    expect(await page.getByRole("dialog").count()).toBe(0);
  });

  test("the way skips to the content and the focus can always be seen", async () => {
    const { page } = ada;
    await press("Tab");
    const outline = await page.evaluate<string>(
      `(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle + " " + style.outlineWidth; })()`,
    );
    expect(outline).not.toMatch(/none|^\w+ 0px/);
  });

  test("met no error behind the pages", () => {
    expect(ada.faults).toEqual([]);
  });
});
