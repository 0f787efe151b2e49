// What a person reads who has just started the program.
import { relative } from "node:path";
import { Client } from "pg";

export function welcome(address: string, dataDir: string, hasAccounts: boolean): string {
  const path = relative(process.cwd(), dataDir);
  return [
    "",
    `  Nightbell is running at ${address}`,
    "",
    hasAccounts
      ? "  Next   open it in a browser and log in"
      : "  Next   open it in a browser and sign up; the first account becomes the owner",
    `  Data   ${path.startsWith("..") ? dataDir : path}`,
    "  Stop   Ctrl-C",
    "",
  ].join("\n");
}

/** Has anybody signed up? Then the next step is to log in. */
export async function hasAccounts(databaseUrl: string): Promise<boolean> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ found: boolean }>("select exists (select from users) as found");
    return rows[0]?.found === true;
  } finally {
    await client.end();
  }
}
