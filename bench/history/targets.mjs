// Samples as real targets leave them: RTTs of 20 ms ± 2 ms in microseconds, now and then a spike or a stretch of congestion,
// losses that come in bursts, slots that nobody probed, lateness of a millisecond or so.
import { randomUUID } from "node:crypto";
import { load } from "../shared/postgres.mjs";

const BATCH = 20_000;

/** Jobs with the numbers from 1 on. */
export async function addJobs({ pool }, count, cadenceMs) {
  const organisationId = randomUUID();
  await pool.query("insert into organisations (id, name) values ($1, 'Bench')", [organisationId]);
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), $1, 'Bench', 'icmp', '127.0.0.1', '{}', $2, 'real_polling', '{}', '{default}', '{}', 'running'
     from generate_series(1, $3)`,
    [organisationId, cadenceMs, count],
  );
}

/** When the grid of a job begins after the start of a stretch. */
export function phaseOf(jobNo, cadenceMs) {
  return (jobNo * 7_919) % cadenceMs;
}

/**
 * Stores the samples of a stretch in the order of their slots, as pollers do; returns how many there are.
 */
export async function storeStretch(database, { jobs, cadenceMs, from, to }) {
  const { storeBatch } = await load("features/samples/store.js");
  const targets = Array.from({ length: jobs }, (_, index) => 1 + index)
    .sort((a, b) => phaseOf(a, cadenceMs) - phaseOf(b, cadenceMs))
    .map((jobNo) => simulate(jobNo, cadenceMs, from));
  const now = Date.now();
  let [batch, count] = [[], 0];
  const flush = async () => {
    count += (await storeBatch(database, { samples: batch, strays: [] }, now)).stored;
    batch = [];
  };
  for (let slot = 0; slot < (to - from) / cadenceMs; slot += 1) {
    for (const target of targets) {
      const sample = target(slot);
      if (sample !== null && batch.push(sample) >= BATCH) await flush();
    }
  }
  await flush();
  return count;
}

/** A target by its slots; null for a slot that nobody probed. */
function simulate(jobNo, cadenceMs, from) {
  const random = mulberry32(jobNo);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const phase = phaseOf(jobNo, cadenceMs);
  let [lossBurst, congestion, queueUs, previous] = [0, 0, 0, null];
  return (index) => {
    if (random() < 0.002) return null;
    if (lossBurst > 0) lossBurst -= 1;
    else if (random() < 0.003) lossBurst = 2 + Math.floor(random() * 8);
    if (congestion > 0) congestion -= 1;
    else if (random() < 0.002) {
      congestion = 5 + Math.floor(random() * 30);
      queueUs = 5_000 + random() * 60_000;
    }
    const isLost = random() < (lossBurst > 0 ? 0.8 : 0.002);
    const delayUs = congestion > 0 ? queueUs * (0.5 + random()) : random() < 0.01 ? random() * 80_000 : 0;
    const rttUs = isLost ? null : Math.max(Math.round(20_000 + 2_000 * normal() + delayUs), 50);
    const latenessUs = Math.round(100 + 800 * Math.abs(normal()) + (random() < 0.01 ? random() * 40_000 : 0));
    const slot = from + phase + index * cadenceMs;
    const sample = {
      slot,
      jobNo,
      locationNo: 1,
      status: isLost ? 1 : 0,
      rttUs,
      jitterUs: rttUs === null || previous === null ? null : Math.abs(rttUs - previous),
      latenessUs,
      sequenceNumber: from / cadenceMs + index,
      recordedAtMs: Math.floor(slot + latenessUs / 1_000 + (rttUs ?? 5_000_000) / 1_000 + random() * 2),
      errorCode: isLost ? "timeout" : null,
      error: isLost ? "no answer from 192.0.2.1 within 5000 ms" : null,
      phases: null,
    };
    previous = rttUs ?? previous;
    return sample;
  };
}

/** Small and reproducible (mulberry32, Tommy Ettinger, public domain). */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
