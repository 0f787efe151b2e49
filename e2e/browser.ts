// The browser of these tests: an installed Chromium, or else the one inside the npm package @sparticuz/chromium, which
// brings the libraries and fonts that a plain Debian lacks.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

const installed = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Chromium looks up its maker's hosts at every start unless told not to. */
const quietArguments = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];

/** Starts the browser. `CHROMIUM_PATH` names one; `CHROMIUM_PATH=package` asks for the one of the npm package. */
export async function launchBrowser(): Promise<Browser> {
  const wanted = process.env["CHROMIUM_PATH"];
  const program = wanted === "package" ? undefined : (wanted ?? installed.find((path) => existsSync(path)));
  const { executablePath, environment } =
    program === undefined ? await unpackedBrowser() : { executablePath: program, environment: {} };
  return chromium.launch({
    executablePath,
    // Chromium's own sandbox needs a user who is not root, and namespaces that containers often forbid; these
    // tests open only our own pages.
    args: [...quietArguments, "--no-sandbox", "--disable-gpu"],
    env: { ...process.env, ...environment },
  });
}

/** The package's browser, unpacked once into the cache of this checkout. */
async function unpackedBrowser(): Promise<{ executablePath: string; environment: Record<string, string> }> {
  const packed = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..", "..", "bin");
  const cache = join(import.meta.dirname, "..", "node_modules", ".cache", "nightbell");
  const folder = join(cache, "chromium");
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const unfinished = await mkdtemp(join(cache, "chromium-"));
    await writeFile(join(unfinished, "chromium"), await inflate(join(packed, "chromium.br")), {
      mode: 0o755,
    });
    for (const name of ["al2023", "fonts", "swiftshader"]) {
      execFileSync("tar", ["-x", "-C", unfinished], { input: await inflate(join(packed, `${name}.tar.br`)) });
    }
    await writeFile(join(unfinished, "fonts.conf"), fontConfiguration(join(folder, "fonts")));
    // Whoever renames first wins; the others find the folder taken and use it.
    await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  }
  return {
    executablePath: join(folder, "chromium"),
    environment: { LD_LIBRARY_PATH: join(folder, "lib"), FONTCONFIG_PATH: folder },
  };
}

async function inflate(path: string): Promise<Buffer> {
  return promisify(brotliDecompress)(await readFile(path));
}

/** The package's own configuration names folders of another system. */
function fontConfiguration(fonts: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${fonts}</dir><cachedir>${fonts}/cache</cachedir></fontconfig>
`;
}
