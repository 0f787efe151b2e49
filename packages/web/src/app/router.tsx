// Every page and its address. All but the job list are loaded when first needed.
import { JobType } from "@nightbell/contract";
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { hasCode } from "../api/errors.js";
import { parseSearch, stringifySearch } from "../api/urls.js";
import { LoginPage } from "../features/accounts/LoginPage.js";
import { readLoginSearch } from "../features/accounts/loginSearch.js";
import { profileQuery, setupQuery } from "../features/accounts/queries.js";
import { SignupPage } from "../features/accounts/SignupPage.js";
import { readAlertSearch } from "../features/alerts/alertSearch.js";
import { JobListPage } from "../features/jobs/list/JobListPage.js";
import { readListSearch } from "../features/jobs/list/listSearch.js";
import { readRangeSearch } from "../features/samples/range.js";
import { Loading } from "../ui/states.js";
import { ErrorPage } from "./ErrorPage.js";
import { NotFoundPage } from "./NotFoundPage.js";
import { Root } from "./Root.js";
import { Shell } from "./Shell.js";

interface Context {
  queryClient: QueryClient;
}

/** The type to begin with, such as from the first steps. */
function readNewJobSearch(search: Record<string, unknown>): { type?: JobType } {
  const type = JobType.safeParse(search["type"]);
  return type.success ? { type: type.data } : {};
}

const rootRoute = createRootRouteWithContext<Context>()({ component: Root });

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: readLoginSearch,
  beforeLoad: async ({ context, search }) => {
    const setup = await context.queryClient.ensureQueryData(setupQuery);
    if (setup.needsFirstAccount) throw redirect({ to: "/signup", search });
  },
  component: LoginPage,
});

const signupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/signup",
  validateSearch: readLoginSearch,
  component: SignupPage,
});

/** Everything behind the log-in. */
const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "app",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(profileQuery);
    } catch (error) {
      if (!hasCode(error, "unauthenticated")) throw error;
      throw redirect({ to: "/login", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
  component: Shell,
});

const indexRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/jobs", replace: true });
  },
});

const jobListRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/jobs",
  validateSearch: readListSearch,
  component: JobListPage,
});

const newJobRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/jobs/new",
  validateSearch: readNewJobSearch,
  component: lazyRouteComponent(() => import("../features/jobs/form/NewJobPage.js"), "NewJobPage"),
});

const jobRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/jobs/$jobId",
  validateSearch: readRangeSearch,
  component: lazyRouteComponent(() => import("../features/jobs/page/JobPage.js"), "JobPage"),
});

const editJobRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/jobs/$jobId/edit",
  component: lazyRouteComponent(() => import("../features/jobs/form/EditJobPage.js"), "EditJobPage"),
});

const pollersRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/pollers",
  component: lazyRouteComponent(() => import("../features/pollers/PollersPage.js"), "PollersPage"),
});

const alertListRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts",
  validateSearch: readAlertSearch,
  component: lazyRouteComponent(() => import("../features/alerts/AlertListPage.js"), "AlertListPage"),
});

const alertRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts/$alertId",
  component: lazyRouteComponent(() => import("../features/alerts/AlertPage.js"), "AlertPage"),
});

const ruleListRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/rules",
  component: lazyRouteComponent(() => import("../features/alerts/rules/RuleListPage.js"), "RuleListPage"),
});

const newRuleRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/rules/new",
  component: lazyRouteComponent(() => import("../features/alerts/rules/RulePages.js"), "NewRulePage"),
});

const ruleRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/rules/$ruleId",
  component: lazyRouteComponent(() => import("../features/alerts/rules/RulePages.js"), "EditRulePage"),
});

const maintenanceRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/maintenance",
  component: lazyRouteComponent(
    () => import("../features/alerts/maintenance/MaintenancePage.js"),
    "MaintenancePage",
  ),
});

const newWindowRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/maintenance/new",
  component: lazyRouteComponent(
    () => import("../features/alerts/maintenance/WindowPages.js"),
    "NewWindowPage",
  ),
});

const windowRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/maintenance/$windowId",
  component: lazyRouteComponent(
    () => import("../features/alerts/maintenance/WindowPages.js"),
    "EditWindowPage",
  ),
});

const profileRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/profile",
  component: lazyRouteComponent(() => import("../features/accounts/ProfilePage.js"), "ProfilePage"),
});

const routeTree = rootRoute.addChildren([
  loginRoute,
  signupRoute,
  appRoute.addChildren([
    indexRoute,
    jobListRoute,
    newJobRoute,
    jobRoute,
    editJobRoute,
    alertListRoute,
    alertRoute,
    ruleListRoute,
    newRuleRoute,
    ruleRoute,
    maintenanceRoute,
    newWindowRoute,
    windowRoute,
    pollersRoute,
    profileRoute,
  ]),
]);

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    // Only code is loaded ahead: what the server says is read when the page opens.
    defaultPreloadStaleTime: 0,
    defaultPendingMs: 250,
    defaultPendingComponent: () => <Loading label="Loading" />,
    defaultErrorComponent: ErrorPage,
    defaultNotFoundComponent: NotFoundPage,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
