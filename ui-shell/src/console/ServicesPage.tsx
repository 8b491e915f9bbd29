import { Alert, Button, Group, Loader, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { healthQuery } from "../api/health";
import { labelText, useText, wordsOf } from "../i18n";
import { servicesQuery } from "./api";
import { HealthText } from "./HealthText";
import { StatusBadge } from "./ServiceStatus";
import { typeOf } from "./status";

/** Every registered service. */
export function ServicesPage() {
  const t = useText();
  const go = useNavigate();
  const services = useQuery(servicesQuery());
  const health = useQuery(healthQuery());
  const of = (name: string) => health.data?.find(({ service }) => service === name);
  return (
    <Stack p={{ base: "md", sm: "lg" }}>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {t("console.title")}
        </Title>
        <Button
          leftSection={<Plus size={16} />}
          onClick={() => void go({ to: "/console/services/new" })}
        >
          {t("console.register")}
        </Button>
      </Group>
      {services.isError && <Alert color="red">{services.error.message}</Alert>}
      {services.isPending && <Loader />}
      {services.data && (
        <Table.ScrollContainer minWidth={640} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("console.name")}</Table.Th>
                <Table.Th>{t("console.type")}</Table.Th>
                <Table.Th>{t("console.status")}</Table.Th>
                <Table.Th>{t("console.health")}</Table.Th>
                <Table.Th>{t("console.version")}</Table.Th>
                <Table.Th>{t("console.draft")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {services.data.map((service) => (
                <Table.Tr key={service.name}>
                  <Table.Td>
                    <Link to="/console/services/$name" params={{ name: service.name }}>
                      {labelText(service.label, wordsOf(service.name))}
                    </Link>
                    <Text size="xs" c="dimmed">
                      {service.name}
                    </Text>
                  </Table.Td>
                  <Table.Td>{typeOf(service)}</Table.Td>
                  <Table.Td>
                    <StatusBadge service={service} />
                  </Table.Td>
                  <Table.Td>
                    <HealthText health={of(service.name)} />
                  </Table.Td>
                  <Table.Td>{service.published_version ?? "–"}</Table.Td>
                  <Table.Td>{service.has_unpublished_changes ? t("console.unpublished") : ""}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}
