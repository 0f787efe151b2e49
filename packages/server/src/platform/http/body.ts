// Request bodies: JSON and nothing else, of bounded size.
import type { FastifyInstance } from "fastify";
import { NightbellError } from "../errors.js";
import { invalid } from "./validation.js";

/** Generous for every route; those that take more say so with `bodyLimit`. */
export const BODY_LIMIT_BYTES = 1_048_576;

/** For routes that anybody may call, log-in among them: parsing what a stranger sends holds up everybody else. */
export const PUBLIC_BODY_LIMIT_BYTES = 16_384;

/** Of JSON, whatever the bytes: a small object takes 40 times the memory of its text. A hundred for each imported job. */
const MAX_VALUES = 100_000;
/** Deeper than any body of the API, and far from what recursion survives. */
const MAX_DEPTH = 64;

export const NO_BODY_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

export function addBodyParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (request.headers["content-encoding"] !== undefined) {
      done(new NightbellError("unsupported_media_type", "Send the body without Content-Encoding."));
      return;
    }
    // Clients name the type out of habit when an action such as `pause` takes no body.
    if (body === "") {
      done(null, undefined);
      return;
    }
    const text = String(body);
    const excess = excessOf(text);
    if (excess !== null) {
      done(invalid([{ path: "", message: excess }]));
      return;
    }
    void parseJson(request, text, (error, value) => {
      if (error === null) done(null, value);
      else done(new NightbellError("malformed_request", "The body is not valid JSON."));
    });
  });

  // Refuses keys that would reach an object's prototype.
  const parseJson = app.getDefaultJsonParser("error", "error");
}

/** What is too much about a JSON text, before anything is made of it; null when nothing is. */
export function excessOf(text: string): string | null {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at);
        break;
      case ",":
        values += 1;
        break;
      case "[":
      case "{":
        values += 1;
        depth += 1;
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
    }
    if (depth > MAX_DEPTH) return "is nested too deeply";
    if (values > MAX_VALUES) return `must have at most ${MAX_VALUES} values`;
  }
  return null;
}

/** Where the string that begins at `start` has its closing quote; the end of the text when it has none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '"') return at;
    if (text[at] === "\\") at += 1;
  }
  return text.length;
}
