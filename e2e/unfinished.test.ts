// What a person has begun and something interrupts: keys pressed before the rows are there, a session that ends.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  apiClient,
  eventually,
  type RunningNightbell,
  startNightbell,
} from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { person, sees } from "./person.js";

const account = { name: "Vera Rubin", email: "vera@example.org", password: "the curve stays flat" };

describe("what one has begun", () => {
  let nightbell: RunningNightbell;
  let browser: Browser;

  beforeAll(async () => {
    [nightbell, browser] = await Promise.all([startNightbell(), launchBrowser()]);
    const api = apiClient(nightbell.url);
    await api.register(account);
    await api.post("/api/jobs", { title: "First", type: "icmp", target: "127.0.0.1", cadenceSeconds: 10 });
  });
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
  });

  test("with j in a list that still loads ends at the first row", async () => {
    await using vera = await person(browser, nightbell.url);
    const { page } = vera;
    await vera.logIn(account);
    // Held back until the route is taken away.
    await page.route("**/api/jobs?*", () => {});
    await page.goto("/jobs");
    await sees(page.getByRole("table", { name: "Jobs" }));
    await page.keyboard.press("j");
    await page.unroute("**/api/jobs?*");
    await sees(page.getByRole("link", { name: "First" }));
    await eventually(async () => {
      expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("First");
    });
  });

  test("in a form outlives the session, but for secrets", async () => {
    await using vera = await person(browser, nightbell.url);
    const { page } = vera;
    await vera.logIn(account);
    await page.goto("/jobs/new?type=http");
    await page.getByLabel("URL").fill("http://127.0.0.1:9/health");
    await page.getByLabel("Title").fill("Half typed");
    await page.getByText("Details and checks").click();
    await page.getByRole("button", { name: "Add a header" }).click();
    await page.getByLabel("Name of header 1").fill("authorization");
    await page.getByLabel("Value of header 1").fill("Bearer of secrets");
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Create job" }).click();
    await sees(page.getByText("Your session ended"));
    expect(await page.evaluate<string>("JSON.stringify(sessionStorage)")).not.toContain("Bearer");
    await page.getByLabel("Email address").fill(account.email);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: "Log in" }).click();
    await sees(page.getByText("What you had typed is back"));
    expect(await page.getByLabel("URL").inputValue()).toBe("http://127.0.0.1:9/health");
    expect(await page.getByLabel("Title").inputValue()).toBe("Half typed");
    await page.getByText("Details and checks").click();
    expect(await page.getByLabel("Name of header 1").inputValue()).toBe("authorization");
    expect(await page.getByLabel("Value of header 1").inputValue()).toBe("");
  });

  test("in a form and left on purpose is forgotten", async () => {
    await using vera = await person(browser, nightbell.url);
    const { page } = vera;
    await vera.logIn(account);
    await page.goto("/jobs/new");
    await page.getByLabel("Title").fill("Not wanted");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Leave", exact: true }).click();
    await page.getByRole("link", { name: "New job" }).click();
    await sees(page.getByRole("heading", { name: "New job" }));
    expect(await page.getByLabel("Title").inputValue()).toBe("");
  });

  test("on a phone can be tested and saved without scrolling", async () => {
    await using vera = await person(browser, nightbell.url, { screen: "phone" });
    const { page } = vera;
    await vera.logIn(account);
    await page.getByRole("button", { name: "Navigation" }).click();
    await page.getByRole("menuitem", { name: "Jobs" }).click();
    await page.getByRole("link", { name: "New job" }).click();
    await page.getByLabel("Host or address").fill("127.0.0.1");
    for (const name of ["Test now", "Create job"]) {
      const box = await page.getByRole("button", { name }).boundingBox();
      expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThanOrEqual(844);
    }
    await page.getByRole("button", { name: "Test now" }).click();
    const outcome = page.getByText(/Success|System error|Missed/).first();
    await sees(outcome);
    await eventually(async () => {
      expect((await outcome.boundingBox())?.y).toBeLessThan(780);
    });
    expect(vera.faults).toEqual([]);
  });
});
