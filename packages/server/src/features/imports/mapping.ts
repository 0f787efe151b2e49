// What an import makes of a file: jobs that are valid, and what it could not take over, with the reason.
import { AppliedJob } from "@nightbell/contract";
import type { z } from "zod";

/** A part of the file that has no counterpart; `path` is dotted, from the root of the file. */
export interface Unmapped {
  readonly path: string;
  readonly reason: string;
}

export interface Mapped {
  readonly jobs: z.input<typeof AppliedJob>[];
  readonly unmapped: Unmapped[];
}

export interface Draft {
  /** Where the job comes from; it is made unique. */
  readonly keyParts: readonly string[];
  readonly title: string;
  readonly type: string;
  readonly target: string;
  readonly cadenceSeconds: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly thresholds?: Readonly<Record<string, unknown>>;
}

const MAX_TIMEOUT_MS = 60_000;
const MAX_TITLE = 200;
const MAX_KEY = 180;
/** A file of nonsense must not make a report that nobody can read. */
const MAX_UNMAPPED = 10_000;

export class Mapping implements Mapped {
  readonly jobs: z.input<typeof AppliedJob>[] = [];
  readonly unmapped: Unmapped[] = [];
  readonly #keys = new Set<string>();

  skip(path: string, reason: string): void {
    if (this.unmapped.length < MAX_UNMAPPED) this.unmapped.push({ path, reason });
  }

  /** Reports the fields that are set and not among those known. */
  skipOthers(path: string, fields: Readonly<Record<string, unknown>>, known: readonly string[]): void {
    for (const name of Object.keys(fields)) {
      if (!known.includes(name) && fields[name] !== null)
        this.skip(`${path}.${name}`, "has no counterpart here");
    }
  }

  /** Adds the job when it is valid, otherwise reports why it is not. */
  add(path: string, draft: Draft): void {
    const { keyParts, title, timeoutMs, ...rest } = { ...draft, timeoutMs: draft.options["timeoutMs"] };
    const options = { ...rest.options };
    if (typeof timeoutMs === "number" && timeoutMs > MAX_TIMEOUT_MS) {
      this.skip(path, `the timeout of ${timeoutMs / 1_000} s becomes 60 s, the longest there is`);
      options["timeoutMs"] = MAX_TIMEOUT_MS;
    }
    const key = this.#uniqueKey(keyParts);
    const job = { ...rest, options, key, title: Array.from(title).slice(0, MAX_TITLE).join("") };
    const result = AppliedJob.safeParse(job);
    if (result.success) {
      this.#keys.add(key);
      this.jobs.push(job as z.input<typeof AppliedJob>);
      return;
    }
    for (const issue of result.error.issues.slice(0, 5)) {
      this.skip(path, `makes no job: ${issue.path.map(String).join(".")} ${issue.message}`);
    }
  }

  #uniqueKey(parts: readonly string[]): string {
    const wanted = parts.map(slug).join("/").slice(0, MAX_KEY);
    let key = wanted;
    for (let number = 2; this.#keys.has(key); number += 1) key = `${wanted}-${number}`;
    return key;
  }
}

/** A part of a key: letters and digits of ASCII, and dashes for the rest. */
function slug(text: string): string {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, "-")
    .replace(/^[^a-z0-9]+|-+$/g, "");
  return plain === "" ? "job" : plain;
}
