// The series of the chart: what the server sent, and the samples that arrived live since.
import type { Job, Sample, Series, SeriesPoint } from "@nightbell/contract";

/** A point with its times as numbers. */
export interface Point extends Omit<SeriesPoint, "from" | "to"> {
  fromMs: number;
  toMs: number;
}

export interface FetchedSeries {
  points: Point[];
  /** Length of a point; null when it is unknown because there is none. */
  stepMs: number | null;
  /** True when every point holds one slot. */
  isRaw: boolean;
  /** The window that was answered; it may begin later than the one asked for. */
  fromMs: number;
  /** When the request was sent, by this browser's clock. */
  requestedAtMs: number;
}

export interface LiveSample {
  sample: Sample;
  receivedAtMs: number;
}

/** Beyond this many live samples the oldest go. */
export const MAX_LIVE = 1_000;

/** When so many came in since the series was read, it is read anew, so that none goes that it lacks. */
const MAX_FRESH = MAX_LIVE / 2;

/** Whether more samples came in than a page should hold beside the series. */
export function isPiledUp({ requestedAtMs }: FetchedSeries, live: readonly LiveSample[]): boolean {
  return live.filter(({ receivedAtMs }) => receivedAtMs >= requestedAtMs).length > MAX_FRESH;
}

export function readSeries(series: Series, requestedAtMs: number): FetchedSeries {
  const points = series.points.map(({ from, to, ...rest }) => ({
    ...rest,
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
  }));
  return {
    points,
    stepMs: longestStep(points),
    isRaw: series.resolution === "raw",
    fromMs: Date.parse(series.from),
    requestedAtMs,
  };
}

/** The first and the last bucket may be cut by the window; what expects no slot is a pause of any length. */
function longestStep(points: readonly Point[]): number | null {
  const steps = points.filter((one) => one.expectedCount > 0).map((one) => one.toMs - one.fromMs);
  return steps.length === 0 ? null : Math.max(...steps);
}

/**
 * Adds live samples to a fetched series. A sample received before the request was sent is in the series already; in a
 * raw series a slot that is there is never added twice. In a series of buckets one received while the request was under
 * way may count twice, until the next reading a few seconds later.
 */
export function mergeLive(fetched: FetchedSeries, live: readonly LiveSample[], cadenceMs: number): Point[] {
  const fresh = live.filter(({ receivedAtMs }) => receivedAtMs >= fetched.requestedAtMs);
  if (fresh.length === 0) return fetched.points;
  const stepMs = fetched.isRaw ? cadenceMs : (fetched.stepMs ?? cadenceMs);
  const points = [...fetched.points];
  const taken = new Set(
    fetched.isRaw ? points.filter((one) => one.sampleCount > 0).map((one) => one.fromMs) : [],
  );
  const seen = new Set<string>();
  for (const { sample } of fresh) {
    const key = `${sample.scheduledAt} ${sample.location}`;
    const atMs = Date.parse(sample.scheduledAt);
    if (seen.has(key) || taken.has(atMs)) continue;
    seen.add(key);
    place(points, sample, atMs, stepMs, fetched.isRaw);
  }
  return points;
}

function place(points: Point[], sample: Sample, atMs: number, stepMs: number, isRaw: boolean): void {
  let index = points.length - 1;
  while (index >= 0 && (points[index]?.fromMs ?? 0) > atMs) index -= 1;
  const before = points[index];
  if (before !== undefined && atMs < before.toMs) {
    points[index] = withSample(before, sample);
    return;
  }
  // The window cut the newest slot short; it reaches to the next, so that no gap shows between the two.
  if (isRaw && before !== undefined && atMs - before.fromMs <= stepMs) {
    points[index] = { ...before, toMs: atMs };
  }
  // Buckets begin at multiples of their length since the epoch, whatever the window.
  const fromMs = isRaw ? atMs : Math.floor(atMs / stepMs) * stepMs;
  const toMs = fromMs + stepMs;
  // The window cut the newest bucket short; it goes on.
  if (before !== undefined && fromMs <= before.fromMs)
    points[index] = withSample({ ...before, toMs }, sample);
  else points.splice(index + 1, 0, withSample(emptyPoint(fromMs, toMs), sample));
}

function emptyPoint(fromMs: number, toMs: number): Point {
  return {
    fromMs,
    toMs,
    avgRttMs: null,
    minRttMs: null,
    maxRttMs: null,
    p95RttMs: null,
    sampleCount: 0,
    missedCount: 0,
    systemErrorCount: 0,
    expectedCount: 0,
  };
}

function withSample(point: Point, sample: Sample): Point {
  const answered = successCount(point);
  const sampleCount = point.sampleCount + 1;
  const counted: Point = {
    ...point,
    sampleCount,
    expectedCount: Math.max(point.expectedCount, sampleCount),
    missedCount: point.missedCount + (sample.status === "missed" ? 1 : 0),
    systemErrorCount: point.systemErrorCount + (sample.status === "system_error" ? 1 : 0),
  };
  const { rttMs } = sample;
  if (sample.status !== "success" || rttMs === null) return counted;
  return {
    ...counted,
    avgRttMs: ((point.avgRttMs ?? 0) * answered + rttMs) / (answered + 1),
    minRttMs: Math.min(point.minRttMs ?? rttMs, rttMs),
    maxRttMs: Math.max(point.maxRttMs ?? rttMs, rttMs),
    // Not known any more without the single values; the next reading brings it.
    p95RttMs: null,
  };
}

/** Longer than samples take from a probe's end to this page while all is well. */
const ON_THE_WAY_MS = 10_000;

/**
 * Until when nothing was probed after the newest sample: until now for a paused job, and for one that runs as soon as
 * three slots could have arrived. Null while a sample may still be on its way.
 */
export function silentUntil(
  job: Pick<Job, "status" | "cadenceSeconds" | "options">,
  points: readonly Point[],
  untilMs: number,
): number | null {
  if (job.status === "paused") return untilMs;
  const newest = points.findLast((point) => point.sampleCount > 0);
  if (job.status !== "running" || newest === undefined) return null;
  const { timeoutMs } = job.options;
  const patienceMs = 3_000 * job.cadenceSeconds + Number(timeoutMs ?? 0) + ON_THE_WAY_MS;
  return untilMs - newest.toMs > patienceMs ? untilMs : null;
}

export function successCount(point: Point): number {
  return point.sampleCount - point.missedCount - point.systemErrorCount;
}
