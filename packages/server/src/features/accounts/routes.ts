import {
  ApiKeyCreate,
  ApiKeyPage,
  LoginBody,
  Member,
  MemberPage,
  MemberPatch,
  NewApiKey,
  OpenSessionPage,
  PageQuery,
  PasswordChange,
  Profile,
  ProfilePatch,
  RegisterBody,
  Session,
  Setup,
} from "@nightbell/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Config } from "../../config/config.js";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { SESSION_COOKIE, sessionToken } from "../../platform/http/access.js";
import type { App } from "../../platform/http/app.js";
import { PUBLIC_BODY_LIMIT_BYTES } from "../../platform/http/body.js";
import { createKey, listKeys, revokeKey } from "./keys.js";
import { createLogIn, type OpenedSession } from "./login.js";
import { createPasswordChange } from "./password-change.js";
import { editMember, listMembers } from "./members.js";
import { editProfile, readProfile, toUser } from "./profile.js";
import { existsAnyUser } from "./queries.js";
import { createRegister } from "./register.js";
import { endOtherSessions, endSession, listOpenSessions } from "./session-list.js";
import type { Sessions, Visitor } from "./sessions.js";

export interface AccountOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly config: Pick<Config, "OPEN_REGISTRATION" | "REGISTRATIONS_PER_HOUR" | "SESSION_DAYS">;
}

const DAY_SECONDS = 86_400;
const tags = ["accounts"];

export async function accountRoutes(
  app: App,
  { db, clock, sessions, config }: AccountOptions,
): Promise<void> {
  const logIn = createLogIn(db, clock, config.SESSION_DAYS);
  const rules = {
    isOpen: config.OPEN_REGISTRATION,
    perHour: config.REGISTRATIONS_PER_HOUR,
    sessionDays: config.SESSION_DAYS,
  };
  const register = createRegister(db, clock, rules);
  const changePassword = createPasswordChange(db, clock);

  app.get(
    "/api/setup",
    {
      config: { access: "public", errors: ["database_unavailable"] },
      schema: { tags, summary: "What somebody without an account can do", response: { 200: Setup } },
    },
    async () => {
      const needsFirstAccount = !(await existsAnyUser(db));
      return { needsFirstAccount, registrationOpen: needsFirstAccount || rules.isOpen };
    },
  );

  app.post(
    "/api/auth/register",
    {
      bodyLimit: PUBLIC_BODY_LIMIT_BYTES,
      config: {
        access: "public",
        errors: ["registration_closed", "email_taken", "overloaded", "database_unavailable"],
      },
      schema: {
        tags,
        summary: "Register",
        description: "Makes an account, and an organisation that it owns.",
        body: RegisterBody,
        response: { 201: Session },
      },
    },
    async (request, reply) => {
      const session = await register(request.body, visitorOf(request));
      return reply.code(201).send(handOut(session, request, reply));
    },
  );

  app.post(
    "/api/auth/login",
    {
      bodyLimit: PUBLIC_BODY_LIMIT_BYTES,
      config: { access: "public", errors: ["invalid_credentials", "overloaded", "database_unavailable"] },
      schema: { tags, summary: "Log in", body: LoginBody, response: { 200: Session } },
    },
    async (request, reply) => handOut(await logIn(request.body, visitorOf(request)), request, reply),
  );

  app.post(
    "/api/auth/logout",
    {
      bodyLimit: PUBLIC_BODY_LIMIT_BYTES,
      config: { access: "public", errors: ["database_unavailable"] },
      schema: {
        tags,
        summary: "Log out",
        description: "Ends the session that the request carries, if any.",
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const token = sessionToken(request);
      if (token !== null) await sessions.close(token);
      return reply.clearCookie(SESSION_COOKIE, { path: "/" }).code(204).send();
    },
  );

  app.get(
    "/api/profile",
    { schema: { tags, summary: "Your account", response: { 200: Profile } } },
    async (request) => readProfile(db, request.account),
  );

  app.patch(
    "/api/profile",
    { schema: { tags, summary: "Change your account", body: ProfilePatch, response: { 200: Profile } } },
    async (request) => editProfile(db, request.account, request.body, clock.now()),
  );

  app.post(
    "/api/profile/password",
    {
      config: { needsSession: true, errors: ["overloaded"] },
      schema: {
        tags,
        summary: "Change your password",
        description: "Ends all of your other sessions. API keys go on.",
        body: PasswordChange,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const { userId } = request.account;
      await changePassword(userId, tokenOf(request), request.body);
      sessions.forget(userId);
      return reply.code(204).send();
    },
  );

  app.get(
    "/api/sessions",
    {
      schema: {
        tags,
        summary: "Where you are logged in",
        description: "Your own sessions, in all of your organisations, newest first.",
        querystring: PageQuery.strict(),
        response: { 200: OpenSessionPage },
      },
    },
    async (request) =>
      listOpenSessions(db, request.account.userId, tokenOf(request), request.query, clock.now()),
  );

  app.delete(
    "/api/sessions/:id",
    {
      config: { needsSession: true },
      schema: {
        tags,
        summary: "End one of your sessions",
        description: "Other instances may accept it for two seconds more.",
        params: z.object({ id: z.uuid() }),
        response: { 204: z.undefined() },
      },
    },
    async ({ account, params }, reply) => {
      await endSession(db, account.userId, params.id);
      sessions.forget(account.userId);
      return reply.code(204).send();
    },
  );

  app.delete(
    "/api/sessions",
    {
      config: { needsSession: true },
      schema: {
        tags,
        summary: "End all of your sessions but the one that asks",
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await endOtherSessions(db, request.account.userId, tokenOf(request));
      sessions.forget(request.account.userId);
      return reply.code(204).send();
    },
  );

  app.get(
    "/api/keys",
    {
      schema: {
        tags,
        summary: "Your API keys",
        description: "Those you made in the organisation you act in, newest first.",
        querystring: PageQuery.strict(),
        response: { 200: ApiKeyPage },
      },
    },
    async ({ account, query }) => listKeys(db, account, query),
  );

  app.post(
    "/api/keys",
    {
      config: { needsSession: true, errors: ["limit_reached"] },
      schema: {
        tags,
        summary: "Make an API key",
        description:
          "A program sends it as a bearer token and acts for you, with the role of the key or your own, whichever is lower. " +
          "It is shown this once. A key can neither make keys nor end sessions.",
        body: ApiKeyCreate,
        response: { 201: NewApiKey },
      },
    },
    async ({ account, body }, reply) => reply.code(201).send(await createKey(db, account, body, clock.now())),
  );

  app.delete(
    "/api/keys/:id",
    {
      config: { needsSession: true },
      schema: {
        tags,
        summary: "Revoke one of your API keys",
        description: "Other instances may accept it for two seconds more.",
        params: z.object({ id: z.uuid() }),
        response: { 204: z.undefined() },
      },
    },
    async ({ account, params }, reply) => {
      await revokeKey(db, account, params.id);
      sessions.forget(account.userId);
      return reply.code(204).send();
    },
  );

  app.get(
    "/api/members",
    {
      schema: {
        tags,
        summary: "Accounts of your organisation",
        querystring: PageQuery.strict(),
        response: { 200: MemberPage },
      },
    },
    async (request) => listMembers(db, request.account.organisationId, request.query),
  );

  app.patch(
    "/api/members/:id",
    {
      config: { access: "owner" },
      schema: {
        tags,
        summary: "Mark a test account",
        description: "A test account may create simulated jobs in production.",
        params: z.object({ id: z.uuid() }),
        body: MemberPatch,
        response: { 200: Member },
      },
    },
    async ({ account, params, body }) => {
      const member = await editMember(db, account.organisationId, params.id, body);
      sessions.forget(member.id);
      return member;
    },
  );

  /** The token goes to programs in the body and to browsers in a cookie that scripts cannot read. */
  function handOut({ token, account }: OpenedSession, request: FastifyRequest, reply: FastifyReply): Session {
    void reply.setCookie(SESSION_COOKIE, token, {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure: request.protocol === "https",
      maxAge: config.SESSION_DAYS * DAY_SECONDS,
    });
    return { token, user: toUser(account) };
  }
}

function visitorOf({ ip, headers }: FastifyRequest): Visitor {
  return { address: ip, userAgent: headers["user-agent"] };
}

/** Of a route that needs an account, and so has one. */
function tokenOf(request: FastifyRequest): string {
  return sessionToken(request) ?? "";
}
