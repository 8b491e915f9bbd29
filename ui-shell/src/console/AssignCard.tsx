import { Card, Stack, Switch, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { get, request } from "../api/client";
import { queryClient } from "../api/queries";
import type { EntityRecord } from "../api/types";
import { useText } from "../i18n";

type Assigned = { name?: string; service?: string; assigned?: boolean };

/** Which tenants have a service. */
export function AssignCard({ service }: { service: string }) {
  const t = useText();
  const tenants = useQuery({
    queryKey: ["console", "tenants"],
    queryFn: async () => (await get<EntityRecord[]>("/core/tenants", { limit: 200 })).data,
  });
  return (
    <Card withBorder>
      <Title order={2} mb="sm">
        {t("console.tenants")}
      </Title>
      <Stack gap="xs">
        {tenants.data?.map((tenant) => (
          <TenantSwitch key={tenant.id} tenant={tenant} service={service} />
        ))}
      </Stack>
    </Card>
  );
}

function TenantSwitch({ tenant, service }: { tenant: EntityRecord; service: string }) {
  const t = useText();
  const key = ["console", "assigned", tenant.id];
  const path = `/core/tenants/${tenant.id}/services`;
  const services = useQuery({ queryKey: key, queryFn: async () => (await get<Assigned[]>(path)).data });
  const found = services.data?.find((item) => (item.name ?? item.service) === service);
  const isAssigned = found !== undefined && found.assigned !== false;
  async function change(wanted: boolean) {
    await request(wanted ? "PUT" : "DELETE", `${path}/${service}`, wanted ? { body: {} } : {});
    await queryClient.invalidateQueries({ queryKey: key });
    await queryClient.invalidateQueries({ queryKey: ["menus"] });
  }
  return (
    <Switch
      label={String(tenant.name)}
      description={isAssigned ? t("console.assign") : undefined}
      disabled={!services.data}
      checked={isAssigned}
      onChange={(event) =>
        void change(event.currentTarget.checked).catch((error: Error) =>
          notifications.show({ color: "red", message: error.message }),
        )
      }
    />
  );
}
