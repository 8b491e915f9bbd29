import { ActionIcon, Menu, useMantineColorScheme } from "@mantine/core";
import {
  CircleUser,
  Keyboard,
  KeyRound,
  Languages,
  LogOut,
  Menu as MenuIcon,
  Monitor,
  Moon,
  Rows3,
  Search,
  Sun,
} from "lucide-react";
import { queryClient } from "../api/queries";
import { logout, type Session } from "../api/session";
import { setLocale, useLocale, useText } from "../i18n";
import { prefer, usePreferences } from "../preferences/preferences";
import { TenantSwitcher } from "./TenantSwitcher";
import styles from "./TopBar.module.css";

type Props = {
  session: Extract<Session, { status: "signed-in" }>;
  isPhone: boolean;
  onMenu: () => void;
  onSearch: () => void;
  onShortcuts: () => void;
  onPassword: () => void;
};

const SCHEMES = [
  ["light", Sun],
  ["dark", Moon],
  ["auto", Monitor],
] as const;

/** The bar above every page: tenant, search, and what concerns the user. */
export function TopBar(props: Props) {
  const { session, isPhone, onMenu, onSearch, onShortcuts, onPassword } = props;
  const t = useText();
  const locale = useLocale();
  const { density } = usePreferences();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const chooseLocale = (next: "en" | "id") => {
    prefer({ locale: next });
    void setLocale(next);
  };
  const leave = async () => {
    await logout().catch(() => undefined);
    queryClient.clear();
  };
  return (
    <header className={styles.bar}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={32}
        onClick={onMenu}
        aria-label={t("nav.toggle")}
      >
        <MenuIcon size={18} />
      </ActionIcon>
      <TenantSwitcher session={session} />
      <button
        type="button"
        className={styles.search}
        onClick={onSearch}
        aria-label={isPhone ? t("palette.open") : undefined}
      >
        <Search size={15} aria-hidden="true" />
        {!isPhone && (
          <>
            <span>{t("palette.hint")}</span>
            <kbd>Ctrl K</kbd>
          </>
        )}
      </button>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("user.menu")}>
            <CircleUser size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <div className={styles.who}>
            <strong>{session.user.name}</strong>
            <span>{session.user.email}</span>
          </div>
          <Menu.Divider />
          <Menu.Label>{t("user.theme")}</Menu.Label>
          {SCHEMES.map(([scheme, Icon]) => (
            <Menu.Item
              key={scheme}
              role="menuitemradio"
              aria-checked={colorScheme === scheme}
              data-checked={colorScheme === scheme || undefined}
              className={styles.choice ?? ""}
              leftSection={<Icon size={15} />}
              onClick={() => setColorScheme(scheme)}
            >
              {t(`user.theme.${scheme}`)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item
            leftSection={<Rows3 size={15} />}
            onClick={() => prefer({ density: density === "compact" ? "comfortable" : "compact" })}
          >
            {density === "compact" ? t("user.comfortable") : t("user.compact")}
          </Menu.Item>
          <Menu.Item
            leftSection={<Languages size={15} />}
            lang={locale === "en" ? "id" : "en"}
            onClick={() => chooseLocale(locale === "en" ? "id" : "en")}
          >
            {locale === "en" ? "Bahasa Indonesia" : "English"}
          </Menu.Item>
          <Menu.Item leftSection={<Keyboard size={15} />} onClick={onShortcuts}>
            {t("shortcuts.title")}
          </Menu.Item>
          <Menu.Item leftSection={<KeyRound size={15} />} onClick={onPassword}>
            {t("password.title")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<LogOut size={15} />} onClick={() => void leave()}>
            {t("user.logout")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </header>
  );
}
