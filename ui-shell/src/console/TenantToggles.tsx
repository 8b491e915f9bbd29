import { Stack, Switch, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { get, request } from "../api/client";
import { queryClient } from "../api/queries";
import { useText } from "../i18n";

type TenantRow = { id: string; name: string; has: boolean };

/** Which tenants have the service; a switch gives it or takes it away. */
export default function TenantToggles({ name }: { name: string }) {
  const t = useText();
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
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t("console.tenants")}
      </Title>
      {(tenants.data ?? []).map((tenant) => (
        <Switch
          key={tenant.id}
          label={tenant.name}
          checked={tenant.has}
          onChange={() => void toggle(tenant)}
        />
      ))}
    </Stack>
  );
}
