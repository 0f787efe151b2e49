// `nightbell apply` and `nightbell import` against a server, as a person or a pipeline runs them (M20).
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobPage } from "@nightbell/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiWorld, apiWorld } from "./api-world.js";
import { createFolder, runNightbell } from "./harness.js";

/** Each test starts the program several times, a second each on a busy machine. */
const TIMEOUT_MS = 120_000;

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const files = `
x-usual: &usual
  cadenceSeconds: 30
jobs:
  - <<: *usual
    key: router
    title: Router
    type: icmp
    target: 127.0.0.1
  - <<: *usual
    key: shop
    title: Shop
    type: http
    target: https://shop.invalid/
    options:
      headers: { Authorization: Bearer secret-of-the-shop }
`;

async function person() {
  const client = await world.owner();
  const env = { NIGHTBELL_URL: world.url, NIGHTBELL_TOKEN: client.token ?? "" };
  return {
    run: (...args: string[]) => runNightbell(args, env),
    jobs: async () => (await client.get<JobPage>("/api/jobs?sort=title")).body.data,
  };
}

it(
  "applies files and folders with a plan, again without effect, and prunes only when told",
  async () => {
    const { run, jobs } = await person();
    const folder = await createFolder();
    await writeFile(join(folder, "a.yaml"), files);
    await writeFile(join(folder, "notes.txt"), "not read");
    await mkdir(join(folder, "more"));
    const second = join(folder, "more", "b.json");
    await writeFile(
      second,
      JSON.stringify({
        jobs: [{ key: "db", title: "Db", type: "tcp", target: "127.0.0.1:5432", cadenceSeconds: 5 }],
      }),
    );

    const planned = await run("apply", "-f", folder, second, "--dry-run");
    expect(planned).toMatchObject({ code: 3, stderr: "" });
    expect(planned.stdout).toContain("+ router  Router");
    expect(planned.stdout).toContain("3 to create, 0 to change, 0 to delete");
    expect(await jobs()).toEqual([]);
    const unasked = await run("apply", "-f", folder, second);
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });

    expect(await run("apply", "-f", folder, second, "--yes")).toMatchObject({ code: 0 });
    expect((await jobs()).map(({ key, cadenceSeconds }) => [key, cadenceSeconds])).toEqual([
      ["db", 5],
      ["router", 30],
      ["shop", 30],
    ]);
    expect(await run("apply", "-f", folder, second, "--dry-run")).toMatchObject({ code: 0 });

    await writeFile(join(folder, "a.yaml"), files.replace("secret-of-the-shop", "another-secret"));
    const changed = await run("apply", "-f", folder, "--yes");
    expect(changed.stdout).toContain("~ shop  Shop\n    options.headers.Authorization: (hidden) → (hidden)");
    expect(changed.stdout).toContain("? db  Db  (no longer described; --prune deletes it)");
    expect(changed.stdout).not.toContain("secret");
    expect(await jobs()).toHaveLength(3);
    expect((await run("apply", "-f", folder, "--yes", "--prune")).stdout).toContain("- db  Db");
    expect((await jobs()).map(({ key }) => key)).toEqual(["router", "shop"]);
  },
  TIMEOUT_MS,
);

it(
  "names the file and the line of what is wrong, and changes nothing",
  async () => {
    const { run, jobs } = await person();
    const folder = await createFolder();
    const file = join(folder, "jobs.yaml");
    await writeFile(file, files.replace("target: 127.0.0.1", "target: 'no host'"));
    const refused = await run("apply", "-f", file, "--yes");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain(`${file}:5: target: must be a host name or an IP address`);

    await writeFile(file, "jobs:\n  - title: no key\n  - just text\n");
    const keyless = await run("apply", "-f", file, "--yes");
    expect(keyless.code).toBe(2);
    expect(keyless.stderr).toContain(`${file}:2: the entry has no key`);
    expect(keyless.stderr).toContain(`${file}:3: must be a job`);
    for (const nonsense of ["jobs: [", "- a\n- b", "job: []", "a: &a [*a, *a]\njobs: *missing"]) {
      await writeFile(file, nonsense);
      expect(await run("apply", "-f", file, "--yes")).toMatchObject({ code: 2 });
    }
    expect(await run("apply", "-f", join(folder, "missing.yaml"), "--yes")).toMatchObject({ code: 2 });
    expect(await jobs()).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  "says how to log in, and that a server is not there",
  async () => {
    const file = join(await createFolder(), "jobs.yaml");
    await writeFile(file, files);
    const tokenless = await runNightbell(["apply", "-f", file, "--yes", "--url", world.url]);
    expect(tokenless).toMatchObject({ code: 1, stderr: expect.stringContaining("NIGHTBELL_TOKEN") });
    const stranger = await runNightbell([
      "apply",
      "-f",
      file,
      "--yes",
      "--url",
      world.url,
      "--token",
      "wrong",
    ]);
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining("Log in") });
    const nobody = await runNightbell([
      "apply",
      "-f",
      file,
      "--yes",
      "--url",
      "http://127.0.0.1:2",
      "--token",
      "x",
    ]);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot be reached (ECONNREFUSED)"),
    });
  },
  TIMEOUT_MS,
);

it(
  "imports what has a counterpart, reports the rest, and again makes nothing twice",
  async () => {
    const { run, jobs } = await person();
    const folder = await createFolder();
    const file = join(folder, "gatus.yaml");
    await writeFile(
      file,
      `endpoints:
  - name: home
    url: https://shop.invalid/
    interval: 30s
    conditions: ["[STATUS] == 200", "len([BODY].items) > 1"]
  - name: shell
    url: ssh://shop.invalid:22
`,
    );
    const shown = await run("import", "gatus", file, "--dry-run");
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("+ http  https://shop.invalid/  home");
    expect(shown.stdout).toContain("! endpoints.0.conditions.1: has no counterpart here");
    expect(shown.stdout).toContain("! endpoints.1.url: there is no probe for ssh://");
    expect(await jobs()).toEqual([]);

    expect(await run("import", "gatus", file)).toMatchObject({ code: 0 });
    expect(await jobs()).toMatchObject([
      { key: "gatus/home", managedBy: "import-gatus", options: { expectedStatuses: [200] } },
    ]);
    expect((await run("import", "gatus", file)).stdout).toContain("Nothing to do");
    expect(await jobs()).toHaveLength(1);

    const output = join(folder, "jobs.yaml");
    expect(await run("import", "gatus", file, "-o", output)).toMatchObject({ code: 0 });
    expect(await readFile(output, "utf8")).toContain("key: gatus/home");
    expect((await run("apply", "-f", output, "--set", "import-gatus", "--dry-run")).code).toBe(0);
    expect(await run("import", "kuma", file, "--dry-run")).toMatchObject({ code: 2 });
    expect(await run("import", "gatus", file, "-o", output)).toMatchObject({ code: 2 });
  },
  TIMEOUT_MS,
);
