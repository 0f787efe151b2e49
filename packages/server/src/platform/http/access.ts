// Who may call a route (P6): declared on the route, checked before its body is read.
import type { Role } from "@nightbell/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { NightbellError } from "../errors.js";

/**
 * The lowest role that may call a route; `public` needs no account, `optional` says more to who sends a bearer token,
 * `poller` needs the token of a remote poller, which the routes themselves check.
 */
export type Access = "public" | "optional" | "poller" | Role;

/** The caller, in the organisation their session acts in. */
export interface Account {
  readonly userId: string;
  readonly organisationId: string;
  readonly role: Role;
  /** May create simulated jobs in production (M18). */
  readonly isTestAccount: boolean;
  /** Set when an API key acts for the account. */
  readonly keyId?: string;
}

/** Finds the account of a session token or an API key; null when there is none or it has expired. */
export type Authenticate = (token: string) => Promise<Account | null>;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Unstated, any member of the organisation may call the route. */
    access?: Access;
    /** An API key may not call the route, whatever its role: it would outlive what it was meant for. */
    needsSession?: boolean;
  }
  interface FastifyRequest {
    /** The caller; throws on public routes, which have none. */
    readonly account: Account;
    /** The caller; null where the route needs none and none was named. */
    readonly visitor: Account | null;
  }
}

export const SESSION_COOKIE = "nightbell_session";

const rank: Record<Role, number> = { viewer: 0, responder: 1, admin: 2, owner: 3 };

/** The one of two that may do less. */
export function lowerRole(one: Role, other: Role): Role {
  return rank[one] < rank[other] ? one : other;
}

/** Whether `role` includes what `needed` may do. */
export function includesRole(role: Role, needed: Role): boolean {
  return rank[role] >= rank[needed];
}

export function addAccessControl(app: FastifyInstance, authenticate: Authenticate): void {
  const accounts = new WeakMap<FastifyRequest, Account>();
  app.decorateRequest("account", {
    getter() {
      const account = accounts.get(this);
      if (account === undefined) throw new Error(`${this.url} is public and has no account`);
      return account;
    },
  });

  app.decorateRequest("visitor", {
    getter() {
      return accounts.get(this) ?? null;
    },
  });

  app.addHook("onRequest", async (request) => {
    if (request.is404) return;
    const access = request.routeOptions.config.access ?? "viewer";
    if (request.headers.authorization === undefined) refuseOtherOrigins(request);
    if (access === "public" || access === "poller" || isAnonymous(request)) return;
    const token = sessionToken(request);
    const account = token === null ? null : await authenticate(token);
    if (account === null) {
      throw new NightbellError("unauthenticated", "Log in, or send a valid session token or API key.");
    }
    if (access !== "optional" && !includesRole(account.role, access)) {
      throw new NightbellError("forbidden", `This needs the role ${access}; yours is ${account.role}.`);
    }
    if (account.keyId !== undefined && request.routeOptions.config.needsSession === true) {
      throw new NightbellError("forbidden", "An API key may not do this; log in for it.");
    }
    accounts.set(request, account);
  });
}

/** Of an optional route: a cookie, which browsers send by themselves, asks for nothing more. */
export function isAnonymous({ routeOptions, headers }: FastifyRequest): boolean {
  return routeOptions.config.access === "optional" && headers.authorization === undefined;
}

/** The token of `Authorization: Bearer`, else of the session cookie. */
export function sessionToken(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  if (header !== undefined) return /^Bearer +([\w.~+/=-]{1,200})$/i.exec(header)?.[1] ?? null;
  return request.cookies[SESSION_COOKIE] ?? null;
}

/**
 * CSRF: a browser says where a request comes from, and it must be this site. A client that says neither is no
 * browser (or one that SameSite=Lax protects). The order of the checks is that of Go's http.CrossOriginProtection.
 */
function refuseOtherOrigins(request: FastifyRequest): void {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return;
  const site = request.headers["sec-fetch-site"];
  if (site === "same-origin" || site === "none") return;
  const { origin } = request.headers;
  if (site === undefined && (origin === undefined || hostOf(origin) === request.host)) return;
  throw new NightbellError(
    "cross_origin",
    "Requests with a session cookie must come from Nightbell's own pages; programs send a bearer token.",
  );
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
