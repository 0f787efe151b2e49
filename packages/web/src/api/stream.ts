// Live streams of jobs and alerts: an EventSource that is reopened with growing pauses for as long as it is wanted.
import { StreamEvent } from "@nightbell/contract";
import { useEffect, useEffectEvent, useState } from "react";
import { noteAnswer } from "./connection.js";
import { parseJson } from "./json.js";
import { api } from "./urls.js";

/** `off`: not wanted. `connecting`: the first try. `reconnecting`: it was, or should have been, live before. */
export type StreamState = "off" | "connecting" | "live" | "reconnecting";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

interface Handlers {
  onEvent: (event: StreamEvent) => void;
  /** The stream has opened, at first or after a break: what was stored before it did must be read now. */
  onOpen: () => void;
}

/** `topic`: `job:<id>` or `alerts`. */
export function useStream(topic: string, wanted: boolean, handlers: Handlers): StreamState {
  const [state, setState] = useState<StreamState>(wanted ? "connecting" : "off");
  const onEvent = useEffectEvent(handlers.onEvent);
  const onOpen = useEffectEvent(handlers.onOpen);

  useEffect(() => {
    if (!wanted) {
      setState("off");
      return;
    }
    setState("connecting");
    return openStream(api.stream([topic]), {
      onEvent: (event) => onEvent(event),
      onOpen: () => onOpen(),
      onState: setState,
    });
  }, [topic, wanted]);

  return state;
}

/** Opens the stream and keeps it open; returns what closes it. */
export function openStream(
  url: string,
  handlers: Handlers & { onState: (state: StreamState) => void },
): () => void {
  let source: EventSource | null = null;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = FIRST_RETRY_MS;

  const receive = (message: MessageEvent<string>) => {
    noteAnswer();
    const event = StreamEvent.safeParse(parseJson(message.data));
    if (event.success) handlers.onEvent(event.data);
  };
  const open = () => {
    source = new EventSource(url);
    source.addEventListener("message", receive);
    source.addEventListener("open", () => {
      handlers.onOpen();
      retryMs = FIRST_RETRY_MS;
      handlers.onState("live");
    });
    source.addEventListener("error", () => {
      handlers.onState("reconnecting");
      // The browser retries a broken connection by itself, but never a refused one (503, 401).
      if (source?.readyState !== EventSource.CLOSED) return;
      retryTimer = setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    });
  };
  open();
  return () => {
    clearTimeout(retryTimer);
    source?.close();
  };
}
