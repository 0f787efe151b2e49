// The rules that are switched on, in memory, kept in step with the database: a notification wakes it, and it looks once a
// second by itself.
import type { AlertCondition, JobSelector } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { Trouble } from "../../platform/trouble.js";
import { selects } from "./maintenance.js";
import { RuleStates } from "./rule-states.js";

/** Where a trigger notifies whenever rules change; a wake-up only, without a payload. */
export const ALERT_RULES_CHANNEL = "nightbell_alert_rules";

const LOOK_INTERVAL_MS = 1_000;

/** A rule as the evaluator has it. */
export interface LiveRule {
  readonly id: string;
  readonly organisationId: string;
  readonly selector: JobSelector;
  readonly condition: AlertCondition;
  /** Rises with every edit; statements about the rule refer to it. */
  readonly version: number;
  readonly states: RuleStates;
}

export interface WatchedJob {
  readonly id: string;
  readonly organisationId: string;
  readonly type: string;
  /** How long after its slot a result may come. */
  readonly patienceMs: number;
}

export function concerns(rule: LiveRule, job: WatchedJob): boolean {
  return rule.organisationId === job.organisationId && selects(rule.selector, job);
}

export interface RuleBookOptions {
  readonly db: Db;
  readonly log: Logger;
  /** Called with rules that came, went or became others: the jobs that any of them concerns are to be looked at anew. */
  readonly changed: (rules: readonly LiveRule[]) => void;
}

type RuleRow = Omit<LiveRule, "states">;

export class RuleBook {
  readonly #options: RuleBookOptions;
  readonly #trouble: Trouble;
  #rules = new Map<string, LiveRule>();
  #byOrganisation = new Map<string, LiveRule[]>();
  /** What the database's rules were like at the last reading. */
  #digest = "";
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  #isWoken = false;
  #stopped = false;

  constructor(options: RuleBookOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.log, {
      began: "alert rules cannot be read; they stay as they are",
      over: "alert rules can be read again",
    });
  }

  /** Resolves when the rules are known. Throws when the database cannot be read. */
  async start(): Promise<void> {
    await this.#look();
    this.#schedule(LOOK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  /** Rules may have changed: look now. */
  wake(): void {
    this.#isWoken = true;
    if (this.#underWay === null) this.#schedule(0);
  }

  rulesFor(job: WatchedJob): LiveRule[] {
    return (this.#byOrganisation.get(job.organisationId) ?? []).filter((rule) => concerns(rule, job));
  }

  #schedule(waitMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isWoken = false;
      this.#underWay = this.#lookAgain().finally(() => {
        this.#underWay = null;
        this.#schedule(this.#isWoken ? 0 : LOOK_INTERVAL_MS);
      });
    }, waitMs);
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#look();
      this.#trouble.worked();
    } catch (error) {
      this.#trouble.failed(error);
    }
  }

  async #look(): Promise<void> {
    const { db } = this.#options;
    const digest = await digestOf(db);
    if (digest === this.#digest) return;
    const before = this.#rules;
    const rules = (await readRules(db)).map((row) => {
      const known = before.get(row.id);
      return known?.version === row.version ? known : { ...row, states: new RuleStates(row.condition) };
    });
    this.#rules = new Map(rules.map((rule) => [rule.id, rule]));
    this.#byOrganisation = byOrganisation(rules);
    this.#digest = digest;
    const gone = [...before.values()].filter((rule) => this.#rules.get(rule.id) !== rule);
    const came = rules.filter((rule) => before.get(rule.id) !== rule);
    if (gone.length + came.length > 0) this.#options.changed([...gone, ...came]);
  }
}

function byOrganisation(rules: readonly LiveRule[]): Map<string, LiveRule[]> {
  const groups = new Map<string, LiveRule[]>();
  for (const rule of rules) {
    const group = groups.get(rule.organisationId);
    if (group === undefined) groups.set(rule.organisationId, [rule]);
    else group.push(rule);
  }
  return groups;
}

/** Changes with every change of a rule: two transactions cannot undo each other's part in the sum. */
async function digestOf(db: Db): Promise<string> {
  const { rows } = await sql<{ digest: string }>`
    select count(*) || ' ' || coalesce(sum(changed_xid::text::numeric), 0) as digest from alert_rules`.execute(
    db,
  );
  return rows[0]?.digest ?? "";
}

async function readRules(db: Db): Promise<RuleRow[]> {
  const { rows } = await sql<RuleRow>`
    select id, organisation_id as "organisationId", selector, condition, version
    from alert_rules where is_enabled`.execute(db);
  return rows;
}
