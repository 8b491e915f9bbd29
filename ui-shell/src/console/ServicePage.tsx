import { Badge, Button, Group, Loader, Stack, Tabs, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { healthQuery } from "../api/health";
import type { Label } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { Failed } from "../pages/Failed";
import { type StoredService, serviceQuery } from "./api";
import { HealthDetails } from "./HealthText";
import { StatusBadge, StatusButton, StatusNotice } from "./ServiceStatus";

const TenantToggles = lazy(() => import("./TenantToggles"));
const Versions = lazy(() => import("./Versions"));

const DraftEditor = lazy(() =>
  import("./DraftEditor").then((module) => ({ default: module.DraftEditor })),
);
const ImportOpenapi = lazy(() =>
  import("./ImportOpenapi").then((module) => ({ default: module.ImportOpenapi })),
);

const TABS = ["definition", "versions", "tenants"] as const;

/** One service: its definition, its versions, and who has it. */
export function ServicePage() {
  const { name = "" } = useParams({ strict: false });
  const service = useQuery(serviceQuery(name));
  if (service.isError)
    return <Failed error={service.error} onAgain={() => void service.refetch()} />;
  if (!service.data) return <Loader m="xl" />;
  return <Service key={name} stored={service.data} />;
}

function Service({ stored }: { stored: StoredService }) {
  const t = useText();
  const go = useNavigate();
  const { tab } = useSearch({ strict: false });
  const definition = stored.definition ?? stored.draft;
  const label = labelText(definition?.label as Label | undefined, wordsOf(stored.name));
  const isExternal = stored.type === "external";
  const wants = isExternal && definition?.auth_type !== "none" ? definition?.auth_type : null;
  const [importing, setImporting] = useState(false);
  const health = useQuery({ ...healthQuery(), enabled: isExternal });
  const found = health.data?.find(({ service }) => service === stored.name);
  const shown = TABS.find((item) => item === tab) ?? "definition";
  return (
    <Stack p={{ base: "md", sm: "lg" }} gap="md">
      <Group gap="sm">
        <Title order={1} size="h2">
          {label}
        </Title>
        <Text size="sm" c="dimmed">
          {stored.name}
        </Text>
        <StatusBadge service={stored} />
        {stored.published_version && (
          <Badge variant="default">{`${t("console.version")} ${stored.published_version}`}</Badge>
        )}
        <Group gap="xs" ml="auto">
          <StatusButton service={stored} label={label} />
          {isExternal && (
            <Button variant="default" size="xs" onClick={() => setImporting(true)}>
              {t("console.import")}
            </Button>
          )}
        </Group>
      </Group>
      <StatusNotice service={stored} />
      {found && <HealthDetails health={found} />}
      <Suspense>
        {importing && <ImportOpenapi stored={stored} onClose={() => setImporting(false)} />}
      </Suspense>
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
          <Suspense fallback={<Loader />}>
            <DraftEditor stored={stored} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="versions" keepMounted={false}>
          <Suspense fallback={<Loader />}>
            {shown === "versions" && <Versions stored={stored} />}
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="tenants" keepMounted={false}>
          <Suspense fallback={<Loader />}>
            {shown === "tenants" && <TenantToggles
                name={stored.name}
                label={label}
                authType={typeof wants === "string" ? wants : null}
              />}
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
