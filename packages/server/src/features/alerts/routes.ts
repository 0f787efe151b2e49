import {
  AlertDetail,
  AlertDryRun,
  AlertDryRunBody,
  AlertListQuery,
  AlertPage,
  AlertRule,
  AlertRuleCreate,
  AlertRuleDryRunBody,
  AlertRuleListQuery,
  AlertRulePage,
  AlertRulePatch,
  JobFamily,
  JobParent,
  MaintenanceWindow,
  MaintenanceWindowCreate,
  MaintenanceWindowPage,
  MaintenanceWindowPatch,
  PageQuery,
} from "@nightbell/contract";
import { z } from "zod";
import type { Clock } from "../../platform/clock.js";
import { AccountShares } from "../../platform/account-shares.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { Account } from "../../platform/http/access.js";
import type { App } from "../../platform/http/app.js";
import { IfMatchHeaders } from "../../platform/http/if-match.js";
import { findAlert, listAlerts } from "./alerts.js";
import { dryRun } from "./dry-run.js";
import { readFamily, setParent } from "./parents.js";
import { createRule, deleteRule, editRule, findRule, listRules } from "./rules.js";
import { createWindow, deleteWindow, editWindow, findWindow, listWindows } from "./windows.js";

export interface AlertRouteOptions {
  readonly database: DatabaseHandle;
  readonly clock: Clock;
}

/** At once per instance. */
const DRY_RUNS = 4;

const tags = ["alerts"];
const params = z.object({ id: z.uuid() });

export async function alertRoutes(app: App, options: AlertRouteOptions): Promise<void> {
  addAlerts(app, options);
  addRules(app, options);
  addWindows(app, options);
  addParents(app, options);
}

function addAlerts(app: App, { database: { db } }: AlertRouteOptions): void {
  app.get(
    "/api/alerts",
    {
      schema: {
        tags,
        summary: "List alerts, newest first",
        description: "`totalItems` stops counting after 10,000.",
        querystring: AlertListQuery,
        response: { 200: AlertPage },
      },
    },
    async (request) => listAlerts(db, request.account.organisationId, request.query),
  );

  app.get(
    "/api/alerts/:id",
    {
      schema: {
        tags,
        summary: "Read an alert with its timeline and evidence",
        params,
        response: { 200: AlertDetail },
      },
    },
    async (request) => findAlert(db, request.account.organisationId, request.params.id),
  );
}

function addRules(app: App, { database, clock }: AlertRouteOptions): void {
  const { db } = database;
  const shares = new AccountShares({
    concurrency: DRY_RUNS,
    perAccount: 1,
    refusals: {
      tooMany: "Too many dry runs are under way; try again in a few seconds.",
      tooManyOfYours: "Your last dry run is still under way; wait until it ends.",
    },
  });
  const rehearse = (
    { userId, organisationId }: Account,
    rule: Parameters<typeof dryRun>[2],
    query: Parameters<typeof dryRun>[3],
  ) => shares.run(userId, () => dryRun(database, organisationId, rule, query, clock.now()));

  app.get(
    "/api/alert-rules",
    {
      schema: {
        tags,
        summary: "List alert rules, oldest first",
        querystring: AlertRuleListQuery,
        response: { 200: AlertRulePage },
      },
    },
    async (request) => listRules(db, request.account.organisationId, request.query),
  );

  app.post(
    "/api/alert-rules",
    {
      config: { access: "responder", errors: ["limit_reached"] },
      schema: {
        tags,
        summary: "Create an alert rule",
        description: "It is evaluated within a second or two, at first on the history that it needs.",
        body: AlertRuleCreate,
        response: { 201: AlertRule },
      },
    },
    async (request, reply) => {
      const rule = await createRule(db, request.account.organisationId, request.body, clock.now());
      return reply
        .code(201)
        .header("location", `/api/alert-rules/${rule.id}`)
        .header("etag", `"${rule.version}"`)
        .send(rule);
    },
  );

  app.post(
    "/api/alert-rules/dry-run",
    {
      config: { access: "responder", errors: ["not_found", "rate_limited"] },
      schema: {
        tags,
        summary: "What a rule that is not saved would have done",
        description:
          "Recorded history through the same evaluator: the jobs given, or the 20 newest that the rule selects; at most " +
          "200,000 samples and 1,000 firings a job, the newest. Parents are not taken into account.",
        body: AlertDryRunBody,
        response: { 200: AlertDryRun },
      },
    },
    async (request) => {
      const { rule, ...query } = request.body;
      return rehearse(request.account, rule, query);
    },
  );

  app.post(
    "/api/alert-rules/:id/dry-run",
    {
      config: { access: "responder", errors: ["rate_limited"] },
      schema: {
        tags,
        summary: "What a rule would have done",
        params,
        body: AlertRuleDryRunBody,
        response: { 200: AlertDryRun },
      },
    },
    async (request) => {
      const rule = await findRule(db, request.account.organisationId, request.params.id);
      return rehearse(request.account, rule, request.body);
    },
  );

  app.get(
    "/api/alert-rules/:id",
    { schema: { tags, summary: "Read an alert rule", params, response: { 200: AlertRule } } },
    async (request, reply) => {
      const rule = await findRule(db, request.account.organisationId, request.params.id);
      return reply.header("etag", `"${rule.version}"`).send(rule);
    },
  );

  app.patch(
    "/api/alert-rules/:id",
    {
      config: { access: "responder", errors: ["version_conflict"] },
      schema: {
        tags,
        summary: "Edit an alert rule",
        description:
          "Fields left out stay as they are. When its condition, quorum or selector changes, its alerts are resolved, and " +
          "what still holds is raised anew.",
        params,
        headers: IfMatchHeaders,
        body: AlertRulePatch,
        response: { 200: AlertRule },
      },
    },
    async (request, reply) => {
      const { params, body, headers, account } = request;
      const ifMatch = headers["if-match"];
      const rule = await editRule(db, account.organisationId, params.id, body, ifMatch, clock.now());
      return reply.header("etag", `"${rule.version}"`).send(rule);
    },
  );

  app.delete(
    "/api/alert-rules/:id",
    {
      config: { access: "responder" },
      schema: { tags, summary: "Delete an alert rule", params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await deleteRule(db, request.account.organisationId, request.params.id, clock.now());
      return reply.code(204).send();
    },
  );
}

function addWindows(app: App, { database: { db }, clock }: AlertRouteOptions): void {
  app.get(
    "/api/maintenance-windows",
    {
      schema: {
        tags,
        summary: "List maintenance windows, oldest first",
        querystring: PageQuery.strict(),
        response: { 200: MaintenanceWindowPage },
      },
    },
    async (request) => listWindows(db, request.account.organisationId, request.query, clock.now()),
  );

  app.post(
    "/api/maintenance-windows",
    {
      config: { access: "responder", errors: ["limit_reached"] },
      schema: {
        tags,
        summary: "Create a maintenance window",
        body: MaintenanceWindowCreate,
        response: { 201: MaintenanceWindow },
      },
    },
    async (request, reply) => {
      const window = await createWindow(db, request.account.organisationId, request.body, clock.now());
      return reply
        .code(201)
        .header("location", `/api/maintenance-windows/${window.id}`)
        .header("etag", `"${window.version}"`)
        .send(window);
    },
  );

  app.get(
    "/api/maintenance-windows/:id",
    { schema: { tags, summary: "Read a maintenance window", params, response: { 200: MaintenanceWindow } } },
    async (request, reply) => {
      const window = await findWindow(db, request.account.organisationId, request.params.id, clock.now());
      return reply.header("etag", `"${window.version}"`).send(window);
    },
  );

  app.patch(
    "/api/maintenance-windows/:id",
    {
      config: { access: "responder", errors: ["version_conflict"] },
      schema: {
        tags,
        summary: "Edit a maintenance window",
        description: "Fields left out stay as they are.",
        params,
        headers: IfMatchHeaders,
        body: MaintenanceWindowPatch,
        response: { 200: MaintenanceWindow },
      },
    },
    async (request, reply) => {
      const { params, body, headers, account } = request;
      const ifMatch = headers["if-match"];
      const window = await editWindow(db, account.organisationId, params.id, body, ifMatch, clock.now());
      return reply.header("etag", `"${window.version}"`).send(window);
    },
  );

  app.delete(
    "/api/maintenance-windows/:id",
    {
      config: { access: "responder" },
      schema: { tags, summary: "Delete a maintenance window", params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await deleteWindow(db, request.account.organisationId, request.params.id);
      return reply.code(204).send();
    },
  );
}

function addParents(app: App, { database: { db } }: AlertRouteOptions): void {
  app.get(
    "/api/jobs/:id/parent",
    {
      schema: {
        tags,
        summary: "The job that a job is reached through, and those that are reached through it",
        params,
        response: { 200: JobFamily },
      },
    },
    async (request) => readFamily(db, request.account.organisationId, request.params.id),
  );

  app.put(
    "/api/jobs/:id/parent",
    {
      config: { access: "responder" },
      schema: {
        tags,
        summary: "Say which job a job is reached through",
        description:
          "While the parent, or whatever that is reached through, has an alert of missed samples or loss, the job's own " +
          "alerts are suppressed.",
        params,
        body: JobParent,
        response: { 200: JobParent },
      },
    },
    async (request) => setParent(db, request.account.organisationId, request.params.id, request.body),
  );
}
