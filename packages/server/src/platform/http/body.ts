// Request bodies: JSON and nothing else, of bounded size.
import type { FastifyInstance } from "fastify";
import { NightbellError } from "../errors.js";

/** Generous for every route; those that take more say so with `bodyLimit`. */
export const BODY_LIMIT_BYTES = 1_048_576;

/** For routes that anybody may call, log-in among them: parsing what a stranger sends holds up everybody else. */
export const PUBLIC_BODY_LIMIT_BYTES = 16_384;

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
    void parseJson(request, String(body), (error, value) => {
      if (error === null) done(null, value);
      else done(new NightbellError("malformed_request", "The body is not valid JSON."));
    });
  });

  // Refuses keys that would reach an object's prototype.
  const parseJson = app.getDefaultJsonParser("error", "error");
}
