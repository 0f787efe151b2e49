import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { config } from "zod";
import { watchNetwork } from "./api/connection.js";
import { createQueryClient } from "./api/queryClient.js";
import { watchServer } from "./api/watch.js";
import { createAppRouter } from "./app/router.js";
import { profileQuery } from "./features/accounts/queries.js";
import { validationMessage } from "./app/validationMessages.js";
import "./styles.css";

config({ customError: validationMessage });
watchNetwork();
watchServer();

const queryClient = createQueryClient(() => {
  const { pathname, href } = router.state.location;
  // Whoever was not logged in is led to the log-in by the router, and without a word about an ended session.
  const wasLoggedIn = queryClient.getQueryData(profileQuery.queryKey) !== undefined;
  if (!wasLoggedIn || pathname === "/login" || pathname === "/signup") return;
  void router.navigate({ to: "/login", search: { next: href, reason: "ended" }, ignoreBlocker: true });
});
const router = createAppRouter(queryClient);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
