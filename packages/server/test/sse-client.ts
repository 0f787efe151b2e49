// A reader of server-sent events that shows ids and knows no retries.
import { once } from "node:events";
import { get, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { eventually } from "./eventually.js";

export interface ReceivedEvent<Data> {
  id: string;
  data: Data;
}

export interface SseStream<Data> extends AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body of an answer that is no stream. */
  readonly body: string;
  readonly events: readonly ReceivedEvent<Data>[];
  /** Resolves with the first event that the predicate accepts, past ones included. */
  next(accept: (data: Data) => boolean): Promise<ReceivedEvent<Data>>;
  readonly isOpen: boolean;
  close(): void;
}

export async function openSse<Data>(
  url: string,
  { token, lastEventId }: { token?: string; lastEventId?: string } = {},
): Promise<SseStream<Data>> {
  const request = get(url, {
    agent: false,
    headers: {
      accept: "text/event-stream",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true;
  const events: ReceivedEvent<Data>[] = [];
  let isOpen = isStream;
  let pending = "";
  response.on("close", () => {
    isOpen = false;
  });
  response.on("error", () => undefined);
  request.on("error", () => undefined);
  const body = isStream ? "" : await text(response);
  if (isStream) {
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      const blocks = (pending + chunk).split("\n\n");
      pending = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields = new Map(block.split("\n").map((line) => splitField(line)));
        const data = fields.get("data");
        if (data !== undefined) events.push({ id: fields.get("id") ?? "", data: JSON.parse(data) as Data });
      }
    });
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    events,
    next: (accept) =>
      eventually(() => {
        const found = events.find((event) => accept(event.data));
        if (found === undefined)
          throw new Error(`not among ${events.length} events: ${JSON.stringify(events)}`);
        return found;
      }),
    get isOpen() {
      return isOpen;
    },
    close: () => request.destroy(),
    async [Symbol.asyncDispose]() {
      request.destroy();
    },
  };
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
