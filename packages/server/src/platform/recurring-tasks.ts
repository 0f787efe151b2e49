// Small jobs that somebody must do every so often, in a program of which several instances may run.
import { sql } from "kysely";
import type { Clock } from "./clock.js";
import { type Db, LONGEST_SILENCE_MS } from "./db.js";
import type { Logger } from "./log.js";
import { Trouble } from "./trouble.js";

export interface RecurringTask {
  readonly name: string;
  /** From the end of one run to the start of the next. */
  readonly everyMs: number;
  /** Must be safe to repeat: a crash in the middle ends in another run. The signal is aborted when tasks are stopped. */
  readonly run: (now: number, signal: AbortSignal) => Promise<unknown>;
  /** True for what may take minutes: nobody waits for its first turn. */
  readonly isLong?: boolean;
}

export interface RunningTasks {
  /** Starts nothing more and waits for what is under way, at most `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

/**
 * Runs each task once, then again and again; resolves after the first turn of those that are not long. Instances that find a task being run leave it to the other: the lock
 * is held by a transaction, so it ends with the connection of an instance that dies, and works through PgBouncer.
 */
export async function startRecurringTasks(
  tasks: readonly RecurringTask[],
  { db, clock, log }: { db: Db; clock: Clock; log: Logger },
): Promise<RunningTasks> {
  const stopping = new AbortController();
  const timers = new Map<RecurringTask, NodeJS.Timeout>();
  const underWay = new Map<RecurringTask, Promise<void>>();

  const runOnce = async (task: RecurringTask, trouble: Trouble): Promise<void> => {
    try {
      await db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ locked: boolean }>`
          select pg_try_advisory_xact_lock(hashtextextended(${`nightbell task ${task.name}`}, 0)) as locked`.execute(
          tx,
        );
        if (rows[0]?.locked !== true) return;
        // The task works on other connections; a lock whose holder is silent is taken away.
        const sayingSomething = setInterval(() => {
          sql`select`.execute(tx).catch(() => undefined); // The commit fails, too.
        }, LONGEST_SILENCE_MS / 4);
        try {
          await task.run(clock.now(), stopping.signal);
        } finally {
          clearInterval(sayingSomething);
        }
      });
      trouble.worked();
    } catch (error) {
      if (stopping.signal.aborted) return;
      trouble.failed(error);
    }
  };
  const cycle = async (task: RecurringTask, trouble: Trouble): Promise<void> => {
    const run = runOnce(task, trouble);
    underWay.set(task, run);
    await run;
    underWay.delete(task);
    if (stopping.signal.aborted) return;
    const timer = setTimeout(() => void cycle(task, trouble), task.everyMs);
    timers.set(task, timer);
  };

  const turns = tasks.map((task) => {
    const trouble = new Trouble(log, {
      began: `the task "${task.name}" failed; it is tried again`,
      over: `the task "${task.name}" works again`,
    });
    return { task, first: cycle(task, trouble) };
  });
  await Promise.all(turns.filter(({ task }) => task.isLong !== true).map(({ first }) => first));
  return {
    async stop(deadlineMs) {
      stopping.abort();
      for (const timer of timers.values()) clearTimeout(timer);
      let deadline: NodeJS.Timeout | undefined;
      const tooLate = new Promise<void>((resolve) => {
        deadline = setTimeout(resolve, deadlineMs);
      });
      await Promise.race([Promise.all(underWay.values()), tooLate]);
      clearTimeout(deadline);
    },
  };
}
