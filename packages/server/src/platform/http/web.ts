// Serves the built web app: files by name, and index.html for every page the app routes by itself.
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { nothingHere } from "./not-found.js";

/** Addresses that belong to programs; a typo there is a 404 and never a page. */
const PROGRAM_PATH = /^\/(api|v2)(\/|$)/;
const YEAR_SECONDS = 31_536_000;

/**
 * Without a build in `root` there is no web app, and the API works all the same.
 * Returns what sends the page for an address that is no file, unless a program asked.
 */
export async function addWebApp(app: FastifyInstance, root: string): Promise<PageFallback> {
  if (!existsSync(join(root, "index.html"))) {
    app.log.warn({ root }, "the web app is not built; only the API is served");
    return () => false;
  }
  await app.register(fastifyStatic, {
    root,
    serve: false,
    cacheControl: false,
    // Names under assets/ carry a hash of their content; everything else is asked for again.
    setHeaders: (reply, path) => {
      const isHashed = path.startsWith(join(root, "assets"));
      reply.setHeader("cache-control", isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache");
    },
  });

  app.route({
    method: "GET",
    url: "/*",
    config: { access: "public" },
    schema: { hide: true },
    // A file that does not exist ends in the not-found handler, and so in the fallback below.
    handler: (request, reply) => {
      const path = pathOf(request);
      if (PROGRAM_PATH.test(path)) throw nothingHere(request);
      void reply.sendFile(path);
    },
  });

  return (request, reply) => {
    if (!wantsPage(request) || PROGRAM_PATH.test(pathOf(request))) return false;
    void reply.sendFile("index.html");
    return true;
  };
}

/** Says whether it has answered. */
export type PageFallback = (request: FastifyRequest, reply: FastifyReply) => boolean;

function wantsPage(request: FastifyRequest): boolean {
  return ["GET", "HEAD"].includes(request.method) && (request.headers.accept ?? "").includes("text/html");
}

function pathOf(request: FastifyRequest): string {
  const [path = "/"] = request.url.split("?");
  return path;
}
