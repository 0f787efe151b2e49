// A client of the API for tests; the caller names the shape of the body that it expects.
import { randomUUID } from "node:crypto";
import type { Session } from "@nightbell/contract";

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ApiClient {
  /** The bearer token that calls carry, once registered or logged in. */
  token: string | null;
  /** Creates an account, by default a fresh one, and acts as it from now on. */
  register(account?: Partial<Account>): Promise<Account & { session: Session }>;
  login(account: Pick<Account, "email" | "password">): Promise<Session>;
  get<Body>(path: string, headers?: Record<string, string>): Promise<Answer<Body>>;
  post<Body>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>;
  patch<Body>(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer<Body>>;
  put<Body>(path: string, body: unknown): Promise<Answer<Body>>;
  delete<Body>(path: string, headers?: Record<string, string>): Promise<Answer<Body>>;
}

export interface Account {
  email: string;
  password: string;
  name: string;
}

/** A client of the API at `url`; anonymous until it registers or logs in. */
export function apiClient(url: string): ApiClient {
  const call = async <Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(client.token !== null && { authorization: `Bearer ${client.token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text !== "" ? JSON.parse(text) : text) as Body,
    };
  };
  const client: ApiClient = {
    token: null,
    async register(given = {}) {
      const account = {
        email: `${randomUUID()}@example.com`,
        password: "correct horse battery",
        name: "Ada Lovelace",
        ...given,
      };
      const session = bodyOf(201, await call<Session>("POST", "/api/auth/register", account));
      client.token = session.token;
      return { ...account, session };
    },
    async login({ email, password }) {
      const session = bodyOf(200, await call<Session>("POST", "/api/auth/login", { email, password }));
      client.token = session.token;
      return session;
    },
    get: (path, headers) => call("GET", path, undefined, headers),
    post: (path, body, headers) => call("POST", path, body, headers),
    patch: (path, body, headers) => call("PATCH", path, body, headers),
    put: (path, body) => call("PUT", path, body),
    delete: (path, headers) => call("DELETE", path, undefined, headers),
  };
  return client;
}

function bodyOf<Body>(status: number, answer: Answer<Body>): Body {
  if (answer.status === status) return answer.body;
  throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
}
