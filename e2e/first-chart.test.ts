// A newcomer's path, from the first page to a live chart and what one does with a job after that.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type RunningNightbell, startNightbell } from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { type Person, person, sees } from "./person.js";
import { startTarget, type Target } from "./target.js";

const account = { name: "Grace Hopper", email: "grace@example.org", password: "nine long dark nights" };

describe("a newcomer", () => {
  let nightbell: RunningNightbell;
  let browser: Browser;
  let target: Target;
  let grace: Person;

  beforeAll(async () => {
    [nightbell, browser, target] = await Promise.all([startNightbell(), launchBrowser(), startTarget()]);
    grace = await person(browser, nightbell.url);
  });
  afterAll(async () => {
    await browser?.close();
    await target?.[Symbol.asyncDispose]();
    await nightbell?.[Symbol.asyncDispose]();
  });

  const button = (name: string | RegExp) => grace.page.getByRole("button", { name, exact: true });
  const newestSample = () =>
    grace.page.getByRole("table", { name: "Recent samples" }).getByRole("row").nth(1);
  const seesSample = (status: string) => sees(newestSample().getByText(status));

  test("is led to the sign-up and becomes the owner", async () => {
    const { page } = grace;
    await page.goto("/");
    await sees(page.getByRole("heading", { name: "Set up Nightbell" }));
    await page.getByLabel("Your name").fill(account.name);
    await page.getByLabel("Email address").fill(account.email);
    await page.getByLabel("Password").fill("short");
    await button("Create account").click();
    await sees(page.getByText("must have at least 10 characters"));
    await page.getByLabel("Password").fill(account.password);
    await button("Create account").click();
    await sees(page.getByRole("heading", { name: "Measure your first target" }));
  });

  test("tries a target with Test now before making a job of it", async () => {
    const { page } = grace;
    await page.getByRole("link", { name: "Create a job" }).click();
    await page.getByRole("radio", { name: "TCP" }).check();
    await page.getByLabel("Host and port").fill(target.address);
    await page.getByLabel("Title").fill("My own server");
    await button("Test now").click();
    await sees(page.getByText("Success"));
    await sees(page.getByText("Connect", { exact: false }).first());
  });

  test("creates the job and sees samples arrive by themselves", async () => {
    const { page } = grace;
    await page.getByRole("radio", { name: "200 ms" }).check();
    await button("Create job").click();
    await sees(page.getByRole("heading", { name: "My own server" }));
    await sees(page.getByText("Live", { exact: true }));
    await seesSample("Success");
    const first = await newestSample().textContent();
    await eventually(async () => expect(await newestSample().textContent()).not.toBe(first));
    const chart = page.getByRole("application", { name: /Round-trip times/ });
    await eventually(async () => expect(await chart.getAttribute("aria-label")).toMatch(/\d+ samples/));
    await grace.look("job-live");
  });

  test("sees an outage as losses, and its end", async () => {
    await target.off();
    await seesSample("Missed");
    await sees(grace.page.getByText(/connection refused by 127\.0\.0\.1/).first());
    await grace.look("job-outage");
    await target.on();
    await seesSample("Success");
  });

  test("pauses and resumes it", async () => {
    const { page } = grace;
    await button("Pause").click();
    await sees(page.getByText("This job is paused"));
    await button("Resume").click();
    await sees(button("Pause"));
  });

  test("edits it, and the change is measured at once", async () => {
    const { page } = grace;
    await button("Edit").first().click();
    await page.getByLabel("Title").fill("Renamed server");
    await page.getByRole("radio", { name: "1 s", exact: true }).check();
    await button("Save changes").click();
    await sees(page.getByRole("heading", { name: "Renamed server" }));
    await sees(page.getByText("TCP, every 1 s"));
  });

  test("finds it in the list", async () => {
    const { page } = grace;
    await page.getByRole("link", { name: "Jobs", exact: true }).first().click();
    const row = page.getByRole("table", { name: "Jobs" }).getByRole("row", { name: /Renamed server/ });
    await sees(row.getByText("Running"));
    await grace.look("job-list");
  });

  test("logs out, is kept out, and logs in again to where it was", async () => {
    const { page } = grace;
    await page.getByRole("link", { name: "Renamed server" }).click();
    await sees(page.getByRole("heading", { name: "Renamed server" }));
    const address = page.url();
    await button(/^Account of Grace Hopper/).click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await sees(page.getByRole("heading", { name: "Welcome back" }));
    await page.goto(address);
    await page.getByLabel("Email address").fill(account.email);
    await page.getByLabel("Password").fill("not my password");
    await button("Log in").click();
    await sees(page.getByText("You are not logged in"));
    await page.getByLabel("Password").fill(account.password);
    await button("Log in").click();
    await sees(page.getByRole("heading", { name: "Renamed server" }));
    expect(page.url()).toBe(address);
  });

  test("deletes it after being asked", async () => {
    const { page } = grace;
    await button("More actions").click();
    await page.getByRole("menuitem", { name: "Delete job" }).click();
    await button("Delete job and samples").click();
    await sees(page.getByRole("heading", { name: "Measure your first target" }));
  });

  test("met no error behind the pages", () => {
    expect(grace.faults).toEqual([]);
  });
});
