// What every kind of condition is to the evaluator.
import type { SampleRecord } from "../../samples/index.js";

/** What evaluation reads of a sample. */
export type EvaluatedSample = Pick<
  SampleRecord,
  "slot" | "sequenceNumber" | "status" | "rttUs" | "jitterUs" | "phases"
>;

/** What a sample says: the trigger holds, it is over, or neither (then whatever was the case stays so). */
export type Level = "bad" | "good" | "between";

/**
 * The memory of one kind of condition, for all jobs and locations that one rule watches: each has a row, of constant
 * size, in columns of numbers that grow together. Samples of a row come in the order of their slots, each once.
 */
export interface Condition {
  /** Makes room for rows below `capacity`. */
  grow(capacity: number): void;
  /** Makes a row new: nothing was seen. */
  reset(row: number): void;
  /** Takes a success or a miss. Null when it says nothing to this condition. */
  take(row: number, sample: EvaluatedSample): Level | null;
  /** The present value of what is compared, in the unit of the rule; null when there is none. */
  value(row: number): number | null;
  /** How much history fills a row: the newest so many samples, and those of so many milliseconds. */
  readonly memory: { readonly samples: number; readonly milliseconds: number };
}

export type NumberColumn = Float64Array | Uint8Array | Uint16Array | Int32Array;

/** The column with room for so many numbers; what it held stays. */
export function grown<Column extends NumberColumn>(column: Column, length: number): Column {
  if (column.length >= length) return column;
  const larger = new (column.constructor as new (length: number) => Column)(length);
  larger.set(column);
  return larger;
}
