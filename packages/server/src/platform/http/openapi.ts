// The API's description (OpenAPI 3.1), generated from the routes: their zod schemas, access and errors.
import swagger from "@fastify/swagger";
import {
  Beat,
  Health,
  Heartbeat,
  Job,
  JobRecent,
  Member,
  Pagination,
  Poller,
  ProbeResult,
  Problem,
  Profile,
  Rollup,
  Sample,
  Series,
  Session,
  StreamEvent,
  Summary,
  User,
} from "@nightbell/contract";
import type { FastifyInstance, FastifySchema, RouteOptions } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { type ErrorCodeName, errorRegistry } from "../errors.js";
import { SESSION_COOKIE } from "./access.js";
import { NO_BODY_METHODS } from "./body.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Errors of this route beyond those that follow from its access and its inputs. */
    errors?: readonly ErrorCodeName[];
  }
  interface FastifySchema {
    summary?: string;
    description?: string;
    tags?: readonly string[];
    hide?: boolean;
    security?: readonly Record<string, readonly string[]>[];
  }
}

const JSON_SCHEMA_DIALECT = "draft-2020-12";

/** Answers that clients want a type for; other schemas stand where they are used. */
const named = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries({
  Beat,
  Health,
  Heartbeat,
  Job,
  JobRecent,
  Member,
  Pagination,
  Poller,
  ProbeResult,
  Problem,
  Profile,
  Rollup,
  Sample,
  Series,
  Session,
  StreamEvent,
  Summary,
  User,
})) {
  named.add(schema, { id });
}

const options = { schemaRegistry: named, zodToJsonConfig: { target: JSON_SCHEMA_DIALECT } } as const;
const transform = createJsonSchemaTransform(options);
const addNamed = createJsonSchemaTransformObject(options);

export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Nightbell",
        version,
        description:
          "Measures targets and shows what it measured. Lists take `page` or `cursor` and `limit`; " +
          "errors are problem details (RFC 9457) whose `code` is stable.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "The token of a session" },
          session: { type: "apiKey", in: "cookie", name: SESSION_COOKIE },
          poller: { type: "http", scheme: "bearer", description: "The token of a remote poller" },
        },
      },
    },
    transform: (route) => {
      const result = transform(route);
      if (result.schema?.hide === true) return result;
      return { ...result, schema: describe(result.schema as RouteSchema, route.route) };
    },
    transformObject: (document) => withoutInputs(addNamed(document)),
  });

  app.route({
    method: "GET",
    url: "/api/openapi.json",
    config: { access: "public" },
    schema: {
      tags: ["monitoring"],
      summary: "This description",
      response: { 200: z.looseObject({ openapi: z.string() }) },
    },
    handler: async () => app.swagger(),
  });
}

/** The named schemas are answers; what they would be as inputs nobody refers to. */
function withoutInputs<Document extends object>(document: Document): Document {
  const { components } = document as { components?: { schemas?: Record<string, unknown> } };
  for (const name of Object.keys(components?.schemas ?? {})) {
    if (name.endsWith("Input")) delete components?.schemas?.[name];
  }
  return document;
}

interface RouteSchema extends FastifySchema {
  response?: Record<string, { description?: string; type?: string }>;
}

function describe(schema: RouteSchema, route: RouteOptions): RouteSchema {
  const access = route.config?.access ?? "viewer";
  const withoutRole: Partial<Record<string, Record<string, readonly string[]>[]>> = {
    public: [],
    optional: [{}, { bearer: [] }],
    poller: [{ poller: [] }],
  };
  const security = withoutRole[access];
  return {
    ...schema,
    ...(security !== undefined
      ? { security }
      : {
          security: [{ bearer: [] }, { session: [] }],
          description: [schema.description, `Needs the role ${access} or a higher one.`]
            .filter(Boolean)
            .join("\n\n"),
        }),
    response: { ...describeSuccess(schema.response ?? {}), ...problemResponses(errorsOf(route)) },
  };
}

const successDescriptions: Record<string, string> = {
  200: "Done",
  201: "Created",
  204: "Done, nothing to say",
};

function describeSuccess(response: NonNullable<RouteSchema["response"]>): object {
  return Object.fromEntries(
    Object.entries(response).map(([status, schema]) => {
      const description = schema.description ?? successDescriptions[status] ?? "Answer";
      const isBody = !("content" in schema) && schema.type !== "null";
      return [
        status,
        isBody
          ? { description, content: { "application/json": { schema } } }
          : { ...schema, "x-response-description": description },
      ];
    }),
  );
}

/** Every error a route can answer with: those of its own, and those its declaration implies. */
export function errorsOf(route: Pick<RouteOptions, "method" | "schema" | "config">): ErrorCodeName[] {
  const { schema, config } = route;
  const takesBody = ![route.method].flat().every((method) => NO_BODY_METHODS.includes(method));
  const codes: ErrorCodeName[] = [...(config?.errors ?? [])];
  if (takesBody)
    codes.push("malformed_request", "payload_too_large", "unsupported_media_type", "cross_origin");
  if (schema?.body !== undefined || schema?.querystring !== undefined) codes.push("validation_failed");
  if ((config?.access ?? "viewer") !== "public") codes.push("unauthenticated", "database_unavailable");
  if (!["public", "optional", "poller", "viewer"].includes(config?.access ?? "viewer"))
    codes.push("forbidden");
  if (schema?.params !== undefined) codes.push("not_found");
  if (config?.isUncounted !== true) codes.push("rate_limited");
  return [...new Set<ErrorCodeName>([...codes, "internal"])];
}

function problemResponses(codes: readonly ErrorCodeName[]): object {
  const statuses = [...new Set(codes.map((code) => errorRegistry[code].status))];
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: codes
          .filter((code) => errorRegistry[code].status === status)
          .map((code) => `\`${code}\`: ${errorRegistry[code].title}`)
          .join("; "),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  );
}
