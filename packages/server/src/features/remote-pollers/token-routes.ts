import { NewPollerToken, PageQuery, PollerTokenCreate, PollerTokenPage } from "@nightbell/contract";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import { createToken, listTokens, revokeToken } from "./tokens.js";

const tags = ["pollers"];

export async function pollerTokenRoutes(app: App, { db }: { db: Db }): Promise<void> {
  app.get(
    "/api/poller-tokens",
    {
      schema: {
        tags,
        summary: "List tokens of remote pollers",
        description: "Of your organisation, oldest first; the tokens themselves are shown to nobody again.",
        querystring: PageQuery.strict(),
        response: { 200: PollerTokenPage },
      },
    },
    async (request) => listTokens(db, request.account.organisationId, request.query),
  );

  app.post(
    "/api/poller-tokens",
    {
      config: { access: "admin", errors: ["limit_reached"] },
      schema: {
        tags,
        summary: "Make a token for remote pollers",
        description:
          "It is shown this once. Its pollers measure your organisation's jobs of the location, which is made if need be.",
        body: PollerTokenCreate,
        response: { 201: NewPollerToken },
      },
    },
    async (request, reply) => reply.code(201).send(await createToken(db, request.account, request.body)),
  );

  app.delete(
    "/api/poller-tokens/:id",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Revoke a token of remote pollers",
        description: "Pollers that use it are cut off within seconds and end.",
        params: z.object({ id: z.uuid() }),
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      if (!(await revokeToken(db, request.account.organisationId, request.params.id))) {
        throw new NightbellError(
          "not_found",
          "There is no such token, or it belongs to another organisation.",
        );
      }
      return reply.code(204).send();
    },
  );
}
