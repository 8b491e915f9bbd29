import { Alert, Badge, Group, Loader, Stack, Tabs, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { Label } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { type StoredService, serviceQuery } from "./api";
import { DraftEditor } from "./DraftEditor";
import { statusOf } from "./status";

const TenantToggles = lazy(() => import("./TenantToggles"));
const Versions = lazy(() => import("./Versions"));

const TABS = ["definition", "versions", "tenants"] as const;

/** One service: its definition, its versions, and who has it. */
export function ServicePage() {
  const { name = "" } = useParams({ strict: false });
  const service = useQuery(serviceQuery(name));
  if (service.isError)
    return (
      <Alert m="lg" color="red">
        {service.error.message}
      </Alert>
    );
  if (!service.data) return <Loader m="xl" />;
  return <Service key={name} stored={service.data} />;
}

function Service({ stored }: { stored: StoredService }) {
  const t = useText();
  const go = useNavigate();
  const { tab } = useSearch({ strict: false });
  const label = (stored.definition ?? stored.draft)?.label;
  const shown = TABS.find((item) => item === tab) ?? "definition";
  return (
    <Stack p="lg" gap="md">
      <Group gap="sm">
        <Title order={1} size="h2">
          {labelText(label as Label | undefined, wordsOf(stored.name))}
        </Title>
        <Text size="sm" c="dimmed">
          {stored.name}
        </Text>
        <Badge variant="light">{statusOf(stored)}</Badge>
        {stored.published_version && (
          <Badge variant="default">{`${t("console.version")} ${stored.published_version}`}</Badge>
        )}
      </Group>
      <Tabs
        value={shown}
        onChange={(next) =>
          void go({
            to: "/console/services/$name",
            params: { name: stored.name },
            search: next && next !== "definition" ? { tab: next } : {},
          })
        }
      >
        <Tabs.List mb="md">
          {TABS.map((item) => (
            <Tabs.Tab
              key={item}
              value={item}
              disabled={item !== "definition" && !stored.published_version}
            >
              {t(`console.tab.${item}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="definition" keepMounted>
          <DraftEditor stored={stored} />
        </Tabs.Panel>
        <Tabs.Panel value="versions" keepMounted={false}>
          <Suspense fallback={<Loader />}>
            {shown === "versions" && <Versions stored={stored} />}
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="tenants" keepMounted={false}>
          <Suspense fallback={<Loader />}>
            {shown === "tenants" && <TenantToggles name={stored.name} />}
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
