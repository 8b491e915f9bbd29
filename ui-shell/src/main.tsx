import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries";
import { setLocale } from "./i18n";
import { getPreferences, prefer } from "./preferences/preferences";
import { router } from "./router";
import { cspNonce } from "./theme/nonce";
import { theme, variables } from "./theme/theme";
import "./theme/mantine.css";
import "./theme/tokens.css";

const Notifications = lazy(() =>
  import("@mantine/notifications").then((module) => ({ default: module.Notifications })),
);

const RELOAD_PAUSE = 30_000;

// A newer page has taken the place of this one, whose parts are gone; not again and again.
window.addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  if (!navigator.onLine || Date.now() - last < RELOAD_PAUSE) return;
  event.preventDefault();
  sessionStorage.setItem("reloaded", String(Date.now()));
  window.location.reload();
});

async function start(): Promise<void> {
  prefer({});
  // The scroll lock below dialogs makes a style element of its own.
  setNonce(cspNonce());
  await setLocale(getPreferences().locale);
  const root = document.getElementById("root");
  if (!root) throw new Error("index.html has no #root");
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={variables}
        defaultColorScheme="auto"
        getStyleNonce={cspNonce}
      >
        <QueryClientProvider client={queryClient}>
          <Suspense fallback={null}>
            <Notifications position="top-center" limit={4} />
          </Suspense>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}

void start();
