// A person at a screen: a page of their own, what went wrong behind it, and pictures of what they see.
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";

export const screens = {
  wide: { width: 1_440, height: 900 },
  phone: { width: 390, height: 844 },
};

export interface Person extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the page's console, uncaught exceptions and breaches of the content policy so far. */
  readonly faults: string[];
  /** Logs in and sees the list of jobs. */
  logIn(account: { email: string; password: string }): Promise<void>;
  /** Keeps a picture in e2e/screenshots/. */
  look(name: string): Promise<Buffer>;
  /** What axe finds wrong with the page as it is; a sentence for each rule, with the first place. */
  barriers(): Promise<string[]>;
}

export interface PersonOptions {
  readonly screen?: keyof typeof screens;
  readonly scheme?: "light" | "dark";
  /** What the browser calls its language, valid or not. */
  readonly language?: string;
}

/** How long anything a person waits for may take. */
const PATIENCE_MS = 20_000;
const pictures = join(import.meta.dirname, "screenshots");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Somebody who has never been here, at the address of a running program. */
export async function person(browser: Browser, url: string, options: PersonOptions = {}): Promise<Person> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: screens[options.screen ?? "wide"],
    colorScheme: options.scheme ?? "light",
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  if (options.language !== undefined) {
    const language = JSON.stringify(options.language);
    await page.addInitScript(
      `Object.defineProperty(Navigator.prototype, "language", { value: ${language} })`,
    );
  }
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !isAnswer(message.text())) faults.push(message.text());
  });
  return {
    page,
    faults,
    async logIn({ email, password }) {
      await page.goto("/login");
      await page.getByLabel("Email address").fill(email);
      await page.getByLabel("Password").fill(password);
      await page.keyboard.press("Enter");
      await page.waitForURL("**/jobs");
    },
    async look(name) {
      await mkdir(pictures, { recursive: true });
      return page.screenshot({ path: join(pictures, `${name}.png`) });
    },
    async barriers() {
      await page.evaluate(axe);
      const { violations } = await page.evaluate<AxeResults>("axe.run()");
      return violations.map(({ id, help, nodes }) => `${id} (${nodes.length}): ${help}: ${nodes[0]?.html}`);
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Passes when it can be seen within the person's patience. */
export function sees(what: Locator): Promise<void> {
  return what.waitFor();
}

/** The browser notes every answer from 400 on as an error; being logged out, or refused, is none of the page's. */
function isAnswer(text: string): boolean {
  return /^Failed to load resource: the server responded with a status of 4\d\d/.test(text);
}
