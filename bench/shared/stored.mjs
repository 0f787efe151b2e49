// What the grids say against what is stored.

/** Of the histogram that lateness is read from. */
const LATENESS_STEP_US = 100;

/** Of slots in [from, to) of all jobs or of the oldest: how many there are, how many have a sample, how late probes began. */
export async function readStored(database, from, to, jobs = null) {
  const expected = await database.query(
    `select sum(greatest(0, ceil((least(coalesce(to_slot, $2), $2) - from_slot)::numeric / cadence_ms)
         - ceil(greatest($1 - from_slot, 0)::numeric / cadence_ms)))::int as count
     from job_grids where job_no <= coalesce($3, job_no)`,
    [from, to, jobs],
  );
  // Samples are unique, so that numbers suffice.
  const stored = await database.query(
    `select lateness_us / ${LATENESS_STEP_US} as step, count(*)::int as count,
       count(*) filter (where status <> 0)::int as failures
     from samples join job_grids using (job_no)
     where slot >= $1 and slot < $2 and slot >= from_slot and slot < coalesce(to_slot, $2)
       and (slot - from_slot) % job_grids.cadence_ms = 0 and job_no <= coalesce($3, job_no)
     group by 1 order by 1`,
    [from, to, jobs],
  );
  const found = sum(stored.rows, "count");
  const latenessMs = (share) => {
    let passed = 0;
    const reached = stored.rows.find(({ count }) => (passed += count) >= share * found);
    return reached === undefined ? NaN : ((reached.step + 1) * LATENESS_STEP_US) / 1_000;
  };
  return {
    expected: expected.rows[0].count ?? 0,
    found,
    failures: sum(stored.rows, "failures"),
    latenessP50: latenessMs(0.5),
    latenessP99: latenessMs(0.99),
    latenessMax: latenessMs(1),
  };
}

function sum(rows, column) {
  return rows.reduce((total, row) => total + row[column], 0);
}
