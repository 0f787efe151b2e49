import { createServer } from "node:net";

/** Throws a sentence that says what to do when nothing can listen there. Port 0, a free one, always passes. */
export async function assertPortFree(
  host: string,
  port: number,
  variable: "PORT" | "HEALTH_PORT",
): Promise<void> {
  const code = await tryToListen(host, port);
  if (code === null) return;
  if (code === "EADDRINUSE") {
    throw new Error(`port ${port} is taken by another program; set ${variable} to a free one`);
  }
  if (code === "EACCES") {
    throw new Error(`port ${port} needs privileges that this user lacks; set ${variable} to one above 1023`);
  }
  throw new Error(`cannot listen on ${host} (${code}); set HOST to an address of this machine`);
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
