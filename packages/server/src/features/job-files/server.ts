// The API as the command line calls it.
import { JobApplyResult, type JobApplyBody, Problem } from "@nightbell/contract";

export interface ServerOptions {
  readonly url: string;
  readonly token: string | undefined;
}

/** Why the server did not do it, in a sentence; with the fields it names. */
export class ServerError extends Error {
  readonly errors: Problem["errors"];

  constructor(message: string, errors?: Problem["errors"]) {
    super(message);
    this.errors = errors;
  }
}

/** A set of a thousand jobs is applied in a few seconds. */
const TIMEOUT_MS = 60_000;

/** Throws ServerError. */
export async function postApply({ url, token }: ServerOptions, body: JobApplyBody): Promise<JobApplyResult> {
  if (token === undefined) {
    throw new ServerError("a token is needed: set NIGHTBELL_TOKEN, or give --token");
  }
  const response = await request(new URL("/api/jobs/apply", url), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: "error", // The token is for this server only.
  });
  if (response.ok) {
    const result = JobApplyResult.safeParse(response.body);
    if (result.success) return result.data;
    throw new ServerError(
      `${url} answered what this version does not understand; is it a Nightbell of the same version?`,
    );
  }
  const problem = Problem.safeParse(response.body);
  if (!problem.success) throw new ServerError(`${url} answered ${response.status}; is it a Nightbell?`);
  throw new ServerError(problem.data.detail, problem.data.errors);
}

async function request(url: URL, init: RequestInit): Promise<{ ok: boolean; status: number; body: unknown }> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    return { ok: response.ok, status: response.status, body: parseJson(text) };
  } catch (error) {
    const { cause } = error as Error & { cause?: { code?: string; message?: string } };
    throw new ServerError(
      `${url.origin} cannot be reached (${cause?.code ?? cause?.message ?? (error as Error).message})`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
