import { createServer } from "node:net";
import { Health } from "@nightbell/contract";

const ASK_TIMEOUT_MS = 1_000;

/** Throws a sentence that says what to do when nothing can listen there. Port 0, a free one, always passes. */
export async function assertPortFree(
  host: string,
  port: number,
  variable: "PORT" | "HEALTH_PORT",
): Promise<void> {
  const code = await tryToListen(host, port);
  if (code === null) return;
  if (code === "EADDRINUSE") {
    const url = displayUrl(host, port);
    if (await isNightbell(url)) {
      throw new Error(`Nightbell already runs at ${url}; open that, or set ${variable} to a free port`);
    }
    throw new Error(`port ${port} is taken by another program; set ${variable} to a free one`);
  }
  if (code === "EACCES") {
    throw new Error(`port ${port} needs privileges that this user lacks; set ${variable} to one above 1023`);
  }
  throw new Error(`cannot listen on ${host} (${code}); set HOST to an address of this machine`);
}

/** Does Nightbell answer there? Its health has a shape that no other program's has. */
async function isNightbell(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return Health.safeParse(await answer.json()).success;
  } catch {
    return false;
  }
}

/** The address a person on this machine can open. */
export function displayUrl(host: string, port: number): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function tryToListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
