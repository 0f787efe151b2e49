// Ids of stream events: where a stream can be resumed.

/** A place in what one instance published, and its time, by which any other instance finds it in the database. */
export interface EventPosition {
  /** When the event was looked for, milliseconds since the epoch. */
  timeMs: number;
  /** Names the process; numbers mean nothing to another one. */
  instance: string;
  /** Rises by one with each event that the process publishes, whatever its topic. */
  seq: number;
}

export function formatEventId({ timeMs, instance, seq }: EventPosition): string {
  return `${Math.floor(timeMs)}-${instance}-${seq}`;
}

/** Null for what is not such an id. */
export function parseEventId(id: string | undefined): EventPosition | null {
  const [, timeMs, instance, seq] = /^(\d{1,15})-([0-9a-z]{1,20})-(\d{1,15})$/.exec(id ?? "") ?? [];
  if (timeMs === undefined || instance === undefined || seq === undefined) return null;
  return { timeMs: Number(timeMs), instance, seq: Number(seq) };
}
