// Addresses without a route: 404, or 405 with the methods that do exist there.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { NightbellError } from "../errors.js";
import type { PageFallback } from "./web.js";

/** A route as it was registered; for 405, for tests that walk all routes, and for the reference. */
export interface RouteEntry {
  readonly method: string;
  /** The pattern, such as `/api/jobs/:id`. */
  readonly url: string;
}

declare module "fastify" {
  interface FastifyInstance {
    readonly routeEntries: readonly RouteEntry[];
  }
}

/** Must come before the routes, which it records. */
export function recordRoutes(app: FastifyInstance): void {
  const entries: RouteEntry[] = [];
  app.decorate("routeEntries", entries);
  app.addHook("onRoute", ({ method, url }) => {
    for (const name of [method].flat()) entries.push({ method: name, url });
  });
}

export function addNotFound(app: FastifyInstance, page: PageFallback): void {
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(app.routeEntries, request.url);
    if (methods.length === 0 || methods.includes(request.method)) {
      if (page(request, reply)) return;
      throw nothingHere(request);
    }
    void reply.header("allow", methods.join(", "));
    throw new NightbellError(
      "method_not_allowed",
      `${request.method} does not exist here; use ${methods.join(" or ")}.`,
    );
  });
}

export function nothingHere(request: FastifyRequest): NightbellError {
  return new NightbellError("not_found", `There is no ${request.method} ${request.url.split("?")[0]}.`);
}

function methodsAt(entries: readonly RouteEntry[], url: string): string[] {
  const [path = ""] = url.split("?");
  const found = entries.filter((entry) => !entry.url.includes("*") && patternOf(entry.url).test(path));
  return [...new Set(found.map((entry) => entry.method))].sort();
}

function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replaceAll(/[.()[\]]/g, "\\$&").replaceAll(/:\w+/g, "[^/]+")}$`);
}
