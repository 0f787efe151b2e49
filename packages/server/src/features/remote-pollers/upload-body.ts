// The bodies of uploads: JSON, mostly packed, a fifth of the bytes on lines that may be slow.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { FastifyRequest } from "fastify";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import { excessOf } from "../../platform/http/body.js";
import { invalid } from "../../platform/http/validation.js";
import type { UploadPlace } from "./upload-gate.js";

export const UPLOAD_LIMIT_BYTES = 1_048_576;
/** Of the JSON in it; few bytes can be made to unfold into very many. */
const MAX_UNPACKED_BYTES = 8 * 1_048_576;

const unpack = promisify(gunzip);

/** Takes JSON, and `application/gzip` with JSON in it, as bodies of uploads that have their places, on routes of this scope only. */
export function addUploadParsers(scope: App): void {
  scope.removeContentTypeParser("application/json");
  const options = { parseAs: "buffer", bodyLimit: UPLOAD_LIMIT_BYTES } as const;
  scope.addContentTypeParser("application/json", options, async (request: FastifyRequest, body: Buffer) =>
    uploadPlaceOf(request).during(async () => parse(body.toString())),
  );
  scope.addContentTypeParser("application/gzip", options, async (request: FastifyRequest, body: Buffer) =>
    uploadPlaceOf(request).during(async () => parse(await unpacked(body))),
  );
}

export function uploadPlaceOf({ uploadPlace, url }: FastifyRequest): UploadPlace {
  if (uploadPlace === null) throw new Error(`${url} has no place for an upload`);
  return uploadPlace;
}

async function unpacked(body: Buffer): Promise<string> {
  try {
    return (await unpack(body, { maxOutputLength: MAX_UNPACKED_BYTES })).toString();
  } catch (error) {
    const isTooLarge = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge
      ? new NightbellError(
          "payload_too_large",
          `An upload has at most ${MAX_UNPACKED_BYTES} bytes, unpacked.`,
        )
      : new NightbellError("malformed_request", "The body is not gzip.");
  }
}

function parse(text: string): unknown {
  const excess = excessOf(text);
  if (excess !== null) throw invalid([{ path: "", message: excess }]);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new NightbellError("malformed_request", "The body is not valid JSON.");
  }
}
