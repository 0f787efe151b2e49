// The phases of a chunk's samples, in a column of their own because only some types of probe have them.
import { Phases } from "@nightbell/contract";
import { z } from "zod";
import { ChunkReader, ChunkWriter, DamagedChunkError } from "./bytes.js";

/** The names of the phases of some samples; null for phases that are kept as they are. */
type Shape = z.infer<typeof Shapes>[number];
const Shapes = z.array(z.array(z.string()).nullable());
const ExactPhases = z.array(Phases);

/**
 * Phases in whole microseconds, which probes give, become one column for each name; others are kept as JSON.
 * Null when no sample has phases.
 */
export function encodePhases(samples: readonly (Phases | null)[]): Buffer | null {
  if (samples.every((phases) => phases === null)) return null;
  const shapes = new Map<string, { shape: Shape; members: Phases[] }>();
  const shapeNos = samples.map((phases) => {
    if (phases === null) return 0;
    const shape = shapeOf(phases);
    const key = JSON.stringify(shape);
    const group = shapes.get(key) ?? { shape, members: [] };
    shapes.set(key, group);
    group.members.push(phases);
    return [...shapes.keys()].indexOf(key) + 1;
  });
  const writer = new ChunkWriter();
  writer.json([...shapes.values()].map(({ shape }) => shape));
  writer.planes(shapeNos);
  for (const { shape, members } of shapes.values()) {
    if (shape === null) writer.json(members);
    else for (const name of shape) writer.planes(members.map((phases) => toUs(phases[name] ?? 0)));
  }
  return writer.finish();
}

/** The phases of `count` samples. Throws DamagedChunkError. */
export function decodePhases(bytes: Uint8Array | null, count: number): (Phases | null)[] {
  if (bytes === null) return Array.from({ length: count }, () => null);
  const reader = new ChunkReader(bytes);
  const shapes = reader.json(Shapes);
  const shapeNos = Array.from(reader.planes(count));
  const samples: (Phases | null)[] = Array.from({ length: count }, () => null);
  for (const [index, shape] of shapes.entries()) {
    const members = shapeNos.flatMap((no, position) => (no === index + 1 ? [position] : []));
    if (shape === null) {
      const exact = reader.json(ExactPhases);
      if (exact.length !== members.length) throw new DamagedChunkError("it lacks phases");
      for (const [at, position] of members.entries()) samples[position] = exact[at] ?? null;
      continue;
    }
    const columns = shape.map(() => reader.planes(members.length));
    for (const [at, position] of members.entries()) {
      samples[position] = Object.fromEntries(
        shape.map((name, column) => [name, (columns[column]?.[at] ?? 0) / 1_000]),
      );
    }
  }
  return samples;
}

function shapeOf(phases: Phases): Shape {
  const isExact = Object.values(phases).every(
    (value) => value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1_000 && toUs(value) / 1_000 === value,
  );
  // A name of this kind is set aside by JavaScript when an object is built from names.
  return isExact && !Object.hasOwn(phases, "__proto__") ? Object.keys(phases) : null;
}

function toUs(milliseconds: number): number {
  return Math.round(milliseconds * 1_000);
}
