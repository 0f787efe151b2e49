import { PageQuery, PollerPage } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";
import type { App } from "../../platform/http/app.js";
import { listPollers } from "./list.js";

export async function pollerRoutes(app: App, { db }: { db: Db }): Promise<void> {
  app.get(
    "/api/pollers",
    {
      schema: {
        tags: ["pollers"],
        summary: "List pollers",
        description: "Those of shared locations and of your organisation's own, by location and name.",
        querystring: PageQuery.strict(),
        response: { 200: PollerPage },
      },
    },
    async (request) => listPollers(db, request.account.organisationId, request.query),
  );
}
