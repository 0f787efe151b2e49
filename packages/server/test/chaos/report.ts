// What runs did and found, for the table that `npm run chaos` prints at its end.
import { appendFile } from "node:fs/promises";

/** A column of the table `title`. */
export async function report(
  title: string,
  column: string,
  values: Readonly<Record<string, string | number>>,
): Promise<void> {
  const file = process.env["CHAOS_REPORT"];
  if (file !== undefined) await appendFile(file, `${JSON.stringify({ title, column, values })}\n`);
}
