// Whether an answer is the one that was expected. Pure.
import type { HttpAssertion, OptionsOf } from "@nightbell/contract";
import type { Failure } from "../outcome.js";

export interface HttpAnswer {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

/** An empty list expects 200–299. */
export function judgeStatus(asked: string, status: number, expected: readonly number[]): Failure | null {
  const isExpected = expected.length === 0 ? status >= 200 && status <= 299 : expected.includes(status);
  if (isExpected) return null;
  const list = expected.length === 0 ? "200–299" : expected.join(", ");
  return { code: "http_status", error: `${asked} answered ${status}, expected ${list}` };
}

/** Whether any assertion looks at the body. */
export function readsBody(assertions: readonly HttpAssertion[]): boolean {
  return assertions.some(({ kind }) => kind !== "header");
}

/** The first thing wrong with an answer, null when nothing is. `asked` names the request: `GET https://…`. */
export function judge(
  asked: string,
  answer: HttpAnswer,
  { expectedStatuses, assertions }: Pick<OptionsOf<"http">, "expectedStatuses" | "assertions">,
): Failure | null {
  const wrongStatus = judgeStatus(asked, answer.status, expectedStatuses);
  if (wrongStatus !== null) return wrongStatus;
  const encoding = answer.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity" && readsBody(assertions))
    return {
      code: "http_body",
      error: `${asked} answered with a body in ${encoding}, although it was not asked for, so it was not examined`,
    };
  const text = readsBody(assertions) ? decode(answer) : "";
  for (const assertion of assertions) {
    const failure = check(asked, assertion, answer.headers, text);
    if (failure !== null) return failure;
  }
  return null;
}

function check(
  asked: string,
  assertion: HttpAssertion,
  headers: ReadonlyMap<string, string>,
  text: string,
): Failure | null {
  switch (assertion.kind) {
    case "header": {
      const value = headers.get(assertion.name.toLowerCase());
      if (value === undefined)
        return { code: "http_header", error: `${asked} answered without the header ${assertion.name}` };
      return value.includes(assertion.contains)
        ? null
        : {
            code: "http_header",
            error: `${asked} answered ${assertion.name}: ${quote(value)}, expected ${quote(assertion.contains)} in it`,
          };
    }
    case "body":
      return text.includes(assertion.contains)
        ? null
        : { code: "http_body", error: `${asked} answered without ${quote(assertion.contains)} in the body` };
    case "bodyNot":
      return text.includes(assertion.contains)
        ? { code: "http_body", error: `${asked} answered with ${quote(assertion.contains)} in the body` }
        : null;
    case "json":
      return checkJson(asked, assertion, text);
  }
}

function checkJson(
  asked: string,
  { path, equals }: Extract<HttpAssertion, { kind: "json" }>,
  text: string,
): Failure | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "http_json", error: `${asked} answered with a body that is not JSON` };
  }
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key))
      return { code: "http_json", error: `${asked} answered with JSON that has no ${path}` };
    value = (value as Record<string, unknown>)[key];
  }
  if (value === equals) return null;
  const found = typeof value === "object" && value !== null ? "an object or array" : JSON.stringify(value);
  return {
    code: "http_json",
    error: `${asked} answered ${path} = ${found.slice(0, 200)}, expected ${JSON.stringify(equals)}`,
  };
}

/** By the charset of the content type, UTF-8 when it names none that is known. */
function decode({ headers, body }: HttpAnswer): string {
  const charset = /charset="?([\w-]+)/i.exec(headers.get("content-type") ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

function quote(text: string): string {
  return `“${text.length > 100 ? `${text.slice(0, 100)}…` : text}”`;
}
