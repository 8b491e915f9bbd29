import { useDisclosure, useHotkeys, useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { menusQuery } from "../api/queries";
import { useSession } from "../api/useSession";
import { useText } from "../i18n";
import { prefer, usePreferences } from "../preferences/preferences";
import { OfflineBar } from "./OfflineBar";
import styles from "./Shell.module.css";
import { SideNav } from "./SideNav";
import { TopBar } from "./TopBar";

const CommandPalette = lazy(() =>
  import("./CommandPalette").then((module) => ({ default: module.CommandPalette })),
);
const PhoneNav = lazy(() => import("./PhoneNav").then((module) => ({ default: module.PhoneNav })));
const PasswordDialog = lazy(() =>
  import("./PasswordDialog").then((module) => ({ default: module.PasswordDialog })),
);
const ShortcutSheet = lazy(() =>
  import("./ShortcutSheet").then((module) => ({ default: module.ShortcutSheet })),
);

/** The frame of every page behind the login. */
export function Shell() {
  const t = useText();
  const session = useSession();
  const navigate = useNavigate();
  const location = useLocation();
  const { navCollapsed } = usePreferences();
  const isPhone = useMediaQuery("(max-width: 767px)", undefined, {
    getInitialValueInEffect: false,
  });
  const [drawer, drawerState] = useDisclosure(false);
  const [palette, paletteState] = useDisclosure(false);
  const [sheet, sheetState] = useDisclosure(false);
  const [password, passwordState] = useDisclosure(false);
  const menus = useQuery({ ...menusQuery(), enabled: session.status === "signed-in" });

  useHotkeys([["mod+K", paletteState.toggle]], []);
  useHotkeys([["shift+?", sheetState.open]]);

  useEffect(() => {
    if (session.status === "anonymous") void navigate({ to: "/login", replace: true });
  }, [session.status, navigate]);

  useEffect(() => drawerState.close(), [location.pathname]);

  if (session.status !== "signed-in") return null;
  const nodes = menus.data?.menus ?? [];
  const nav = (collapsed: boolean) => (
    <SideNav menus={nodes} collapsed={collapsed} loading={menus.isPending} />
  );

  return (
    <div className={styles.shell} data-collapsed={navCollapsed || undefined}>
      <a className={styles.skip} href="#content">
        {t("shell.skip")}
      </a>
      {!isPhone && <aside className={styles.side}>{nav(navCollapsed)}</aside>}
      <TopBar
        session={session}
        isPhone={isPhone}
        onMenu={isPhone ? drawerState.open : () => prefer({ navCollapsed: !navCollapsed })}
        onSearch={paletteState.open}
        onShortcuts={sheetState.open}
        onPassword={passwordState.open}
      />
      <main id="content" className={styles.content} tabIndex={-1}>
        <OfflineBar />
        <Outlet />
      </main>
      <Suspense>
        {isPhone && (
          <PhoneNav opened={drawer} onClose={drawerState.close}>
            {nav(false)}
          </PhoneNav>
        )}
      </Suspense>
      <Suspense>
        {palette && <CommandPalette menus={nodes} session={session} onClose={paletteState.close} />}
        {password && <PasswordDialog onClose={passwordState.close} />}
        {sheet && <ShortcutSheet onClose={sheetState.close} />}
      </Suspense>
    </div>
  );
}
