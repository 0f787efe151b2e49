// Uploads come compressed: a fifth of the bytes on lines that may be slow.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import { excessOf } from "../../platform/http/body.js";
import { invalid } from "../../platform/http/validation.js";

export const UPLOAD_LIMIT_BYTES = 1_048_576;
/** Of the JSON in it; few bytes can be made to unfold into very many. */
const MAX_UNPACKED_BYTES = 8 * 1_048_576;

const unpack = promisify(gunzip);

/** Takes `application/gzip` with JSON in it as a body, on routes of this scope only. */
export function addGzipBodyParser(scope: App): void {
  scope.addContentTypeParser(
    "application/gzip",
    { parseAs: "buffer", bodyLimit: UPLOAD_LIMIT_BYTES },
    async (_request: unknown, body: Buffer) => {
      let text: string;
      try {
        text = (await unpack(body, { maxOutputLength: MAX_UNPACKED_BYTES })).toString();
      } catch (error) {
        const isTooLarge = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
        throw isTooLarge
          ? new NightbellError(
              "payload_too_large",
              `An upload has at most ${MAX_UNPACKED_BYTES} bytes, unpacked.`,
            )
          : new NightbellError("malformed_request", "The body is not gzip.");
      }
      const excess = excessOf(text);
      if (excess !== null) throw invalid([{ path: "", message: excess }]);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new NightbellError("malformed_request", "The body is not valid JSON.");
      }
    },
  );
}
