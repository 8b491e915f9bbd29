import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from "@tanstack/react-router";
import { ensureSession } from "./api/session";
import { loadConsoleTexts } from "./i18n";
import { parseListSearch } from "./list/search";
import { NotFoundPage } from "./pages/NotFoundPage";
import { RouteError } from "./pages/RouteError";
import { searchValue } from "./searchValue";

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: RouteError,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { to?: string } =>
    typeof search.to === "string" && /^\/(?!\/)/.test(search.to) ? { to: search.to } : {},
  component: lazyRouteComponent(() => import("./pages/LoginPage"), "LoginPage"),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async ({ location }) => {
    if (!(await ensureSession())) {
      const to = location.href === "/" ? undefined : location.href;
      throw redirect({ to: "/login", search: to ? { to } : {} });
    }
  },
  component: lazyRouteComponent(() => import("./shell/Shell"), "Shell"),
  errorComponent: RouteError,
});

const page = <TPath extends string>(path: TPath) => ({ getParentRoute: () => shell, path });
const listPage = () => import("./pages/EntityListPage");
const newPage = () => import("./pages/NewRecordPage");
const recordPage = () => import("./pages/RecordPage");
const validateSearch = parseListSearch;

/** A page of the console comes with the texts that it alone shows. */
const consolePage = <TModule,>(load: () => Promise<TModule>) => async () => {
  const [module] = await Promise.all([load(), loadConsoleTexts()]);
  return module;
};
const servicesPage = consolePage(() => import("./console/ServicesPage"));
const newServicePage = consolePage(() => import("./console/NewServicePage"));
const servicePage = consolePage(() => import("./console/ServicePage"));

const pages = [
  createRoute({
    ...page("/"),
    component: lazyRouteComponent(() => import("./pages/HomePage"), "HomePage"),
  }),
  createRoute({
    ...page("/s/$service/$entity"),
    validateSearch,
    component: lazyRouteComponent(listPage, "EntityListPage"),
  }),
  createRoute({
    ...page("/s/$service/$entity/new"),
    component: lazyRouteComponent(newPage, "NewRecordPage"),
  }),
  createRoute({
    ...page("/s/$service/$entity/$id"),
    component: lazyRouteComponent(recordPage, "RecordPage"),
  }),
  createRoute({
    ...page("/x/$service/$endpoint"),
    component: lazyRouteComponent(() => import("./endpoint/EndpointPage"), "EndpointPage"),
  }),
  createRoute({
    ...page("/admin/services"),
    beforeLoad: () => {
      throw redirect({ to: "/console/services" });
    },
  }),
  createRoute({
    ...page("/admin/$entity"),
    validateSearch,
    component: lazyRouteComponent(listPage, "EntityListPage"),
  }),
  createRoute({
    ...page("/admin/$entity/new"),
    component: lazyRouteComponent(newPage, "NewRecordPage"),
  }),
  createRoute({
    ...page("/admin/$entity/$id"),
    component: lazyRouteComponent(recordPage, "RecordPage"),
  }),
  createRoute({
    ...page("/console/services"),
    component: lazyRouteComponent(servicesPage, "ServicesPage"),
  }),
  createRoute({
    ...page("/console/services/new"),
    component: lazyRouteComponent(newServicePage, "NewServicePage"),
  }),
  createRoute({
    ...page("/console/services/$name"),
    validateSearch: (search: Record<string, unknown>): { tab?: string } =>
      typeof search.tab === "string" ? { tab: search.tab } : {},
    component: lazyRouteComponent(servicePage, "ServicePage"),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren([login, shell.addChildren(pages)]),
  parseSearch: parseSearchWith(searchValue),
  stringifySearch: stringifySearchWith(JSON.stringify, searchValue),
  defaultPreload: "intent",
  defaultPreloadDelay: 80,
  scrollRestoration: true,
  // What scrolls is the page's content, not the window.
  scrollToTopSelectors: ["#content"],
});

declare module "@tanstack/react-router" {
  // Declaration merging is how the router learns its own type; only an interface can merge.
  interface Register {
    router: typeof router;
  }
}
