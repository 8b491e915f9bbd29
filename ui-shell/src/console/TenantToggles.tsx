import { Alert, Badge, Button, Group, Loader, Stack, Switch, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get, request } from "../api/client";
import { queryClient } from "../api/queries";
import { ConnectionDialog } from "../connection/ConnectionDialog";
import { connectionQuery } from "../connection/connection";
import { Ask } from "../form/Ask";
import { useText } from "../i18n";
import styles from "./Definition.module.css";

type TenantRow = { id: string; name: string; has: boolean };

type Props = {
  name: string;
  label: string;
  /** What an external service wants to know a tenant by; null where nothing is wanted. */
  authType: string | null;
};

/** Which tenants have the service, and what it knows each of them by. */
export default function TenantToggles({ name, label, authType }: Props) {
  const t = useText();
  const [leaving, setLeaving] = useState<TenantRow | null>(null);
  const [connecting, setConnecting] = useState<TenantRow | null>(null);
  const key = ["assigned", name];
  const tenants = useQuery({
    queryKey: key,
    queryFn: async (): Promise<TenantRow[]> => {
      const { data } = await get<{ id: string; name: string }[]>("/core/tenants", {
        limit: 200,
        sort: "name",
      });
      return Promise.all(
        data.map(async (tenant) => {
          const { data: has } = await get<{ service: string }[]>(
            `/core/tenants/${tenant.id}/services`,
          );
          return { ...tenant, has: has.some((item) => item.service === name) };
        }),
      );
    },
  });
  async function toggle(tenant: TenantRow) {
    try {
      await request(tenant.has ? "DELETE" : "PUT", `/core/tenants/${tenant.id}/services/${name}`);
    } catch (error) {
      notifications.show({
        color: "red",
        message: error instanceof Error ? error.message : String(error),
      });
    }
    await Promise.all([
      queryClient.invalidateQueries({ queryKey: key }),
      queryClient.invalidateQueries({ queryKey: ["menus"] }),
    ]);
  }
  return (
    <Stack gap="xs" maw={640}>
      <Title order={2} size="h3">
        {t("console.tenants")}
      </Title>
      {authType && (
        <Text size="sm" c="dimmed">
          {t("console.conn.help")}
        </Text>
      )}
      {tenants.isPending && <Loader />}
      {tenants.isError && <Alert color="red">{tenants.error.message}</Alert>}
      {(tenants.data ?? []).map((tenant) => (
        <Group key={tenant.id} justify="space-between" className={styles.tenant}>
          <Switch
            label={tenant.name}
            checked={tenant.has}
            onChange={() => (tenant.has ? setLeaving(tenant) : void toggle(tenant))}
          />
          {tenant.has && authType && (
            <Credentials tenant={tenant} name={name} onOpen={() => setConnecting(tenant)} />
          )}
        </Group>
      ))}
      {leaving && (
        <Ask
          title={t("console.unassign")}
          text={t("console.unassignAsk", { tenant: leaving.name, name: label })}
          destructive
          onNo={() => setLeaving(null)}
          onYes={() => {
            void toggle(leaving);
            setLeaving(null);
          }}
        />
      )}
      {connecting && (
        <ConnectionDialog
          tenant={connecting.id}
          service={name}
          title={`${label} · ${connecting.name}`}
          authType={authType}
          hasKey
          onClose={() => setConnecting(null)}
        />
      )}
    </Stack>
  );
}

type CredentialsProps = { tenant: TenantRow; name: string; onOpen: () => void };

/** Whether a tenant's connection is set; opens its form. */
function Credentials({ tenant, name, onOpen }: CredentialsProps) {
  const t = useText();
  const { data } = useQuery(connectionQuery(tenant.id, name));
  return (
    <Group gap="sm">
      {data === null && (
        <Badge variant="default" className={styles.warning}>
          {t("console.conn.none")}
        </Badge>
      )}
      {data && <Badge variant="default">{t(`console.conn.kind.${data.kind}`)}</Badge>}
      <Button
        size="xs"
        variant="default"
        aria-label={`${t("console.conn.open")}: ${tenant.name}`}
        onClick={onOpen}
      >
        {t("console.conn.open")}
      </Button>
    </Group>
  );
}
