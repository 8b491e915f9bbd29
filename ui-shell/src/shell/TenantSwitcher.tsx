import { Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Building2, Check, ChevronsUpDown } from "lucide-react";
import { queryClient } from "../api/queries";
import { type Session, switchTenant } from "../api/session";
import { useText } from "../i18n";
import styles from "./TopBar.module.css";

type Props = { session: Extract<Session, { status: "signed-in" }> };

/** Shows the tenant that is worked in, and changes it where there are several. */
export function TenantSwitcher({ session }: Props) {
  const t = useText();
  const navigate = useNavigate();
  const { tenants, user } = session;
  const current = tenants.find((tenant) => tenant.id === user.current_tenant_id);
  const choose = async (id: string) => {
    try {
      await navigate({ to: "/" });
      await switchTenant(id);
      // Nothing of the former tenant may be shown: everything is read again.
      await queryClient.resetQueries();
    } catch (error) {
      (await import("@mantine/notifications")).notifications.show({
        color: "red",
        title: t("tenant.failed"),
        message: error instanceof Error ? error.message : "",
      });
    }
  };
  return (
    <Menu position="bottom-start" width={260} disabled={tenants.length < 2}>
      <Menu.Target>
        <button
          type="button"
          className={styles.tenant}
          disabled={tenants.length < 2}
          aria-label={`${t("tenant.switch")}: ${current?.name ?? t("tenant.none")}`}
        >
          <Building2 size={15} aria-hidden="true" />
          <span>{current?.name ?? t("tenant.none")}</span>
          {tenants.length > 1 && <ChevronsUpDown size={14} aria-hidden="true" />}
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        <Menu.Label>{t("tenant.label")}</Menu.Label>
        {tenants.map((tenant) => (
          <Menu.Item
            key={tenant.id}
            role="menuitemradio"
            aria-checked={tenant.id === current?.id}
            rightSection={tenant.id === current?.id ? <Check size={14} /> : null}
            onClick={() => void choose(tenant.id)}
          >
            {tenant.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
