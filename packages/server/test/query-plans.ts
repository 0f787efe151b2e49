// What Postgres would do for the queries of a piece of work: which tables it would read from end to end.
import type { Pool, PoolClient } from "pg";
import { expect } from "vitest";

interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

export interface QueryPlans {
  /** The large tables that the queries of a piece of work would scan, each with the query. */
  faultsOf(work: () => Promise<unknown>): Promise<string[]>;
}

/** Notes what is asked on the pool from now on; `large` names the tables that grow with use. */
export async function watchQueries(pool: Pool, large: RegExp): Promise<QueryPlans> {
  const asked: Query[] = [];
  const record = (connection: PoolClient) => {
    const query = connection.query.bind(connection) as (...call: unknown[]) => unknown;
    const recording = (...call: unknown[]) => {
      const [first, second] = call as [string | Query, unknown[] | undefined];
      const { text, values } = typeof first === "string" ? { text: first, values: second } : first;
      // Several statements at once take no parameters, and have no semicolon but between them.
      const texts = values === undefined ? text.split(";") : [text];
      for (const each of texts) asked.push({ text: each.trim(), values: values ?? [] });
      return query(...call);
    };
    connection.query = recording as typeof connection.query;
  };
  pool.on("connect", record);
  // Connections from now on tell what is asked on them.
  const idle = await Promise.all(Array.from({ length: pool.options.max ?? 10 }, () => pool.connect()));
  for (const connection of idle) connection.release(true);

  return {
    async faultsOf(work) {
      asked.length = 0;
      await work();
      const queries = asked.filter(({ text }) => /^(select|with|insert|update|delete)/i.test(text));
      expect(queries.length).toBeGreaterThan(0);
      const faults: string[] = [];
      for (const { text, values } of queries) {
        const { rows } = await pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
          `explain (format json) ${text}`,
          [...values],
        );
        const scanned = scannedBy(rows[0]?.["QUERY PLAN"][0].Plan).filter((name) => large.test(name));
        faults.push(...scanned.map((name) => `${name}: ${text}`));
      }
      return faults;
    },
  };
}

function scannedBy(node: PlanNode | undefined): string[] {
  if (node === undefined) return [];
  const own = node["Node Type"] === "Seq Scan" ? [node["Relation Name"] ?? ""] : [];
  return [...own, ...(node.Plans ?? []).flatMap(scannedBy)];
}
