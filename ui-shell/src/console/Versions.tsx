import { Alert, Button, Group, Loader, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { post } from "../api/client";
import { useLocale, useText } from "../i18n";
import { getZone } from "../zone";
import { type Plan, type StoredService, usersQuery, type Version, versionQuery, versionsQuery } from "./api";
import { detailsOf } from "./failure";
import { readServicesAgain } from "./published";

const PlanView = lazy(() => import("./PlanView"));
const VersionCompare = lazy(() => import("./VersionCompare"));

/** What was published when and by whom; read, compare, or go back. */
export default function Versions({ stored }: { stored: StoredService }) {
  const t = useText();
  const locale = useLocale();
  const found = useQuery(versionsQuery(stored.name));
  const people = useQuery(usersQuery()).data;
  const [shown, setShown] = useState<{ left: number; right: number } | null>(null);
  const [back, setBack] = useState<number | null>(null);
  if (found.isError) return <Alert color="red">{found.error.message}</Alert>;
  if (!found.data) return <Loader />;
  const time = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: getZone() });
  const who = (version: Version) =>
    version.published_by ? (people?.get(version.published_by) ?? "–") : t("console.bySystem");
  const about = (version: Version) =>
    version.rolled_back_to
      ? t("console.rolledBack", { version: version.rolled_back_to })
      : version.comment;
  const current = stored.published_version ?? 0;
  return (
    <Stack>
      <Table.ScrollContainer minWidth={640}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("console.version")}</Table.Th>
              <Table.Th>{t("console.when")}</Table.Th>
              <Table.Th>{t("console.who")}</Table.Th>
              <Table.Th>{t("console.comment")}</Table.Th>
              <Table.Th>{t("common.actions")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.data.map((version) => (
              <Table.Tr key={version.version}>
                <Table.Td>{version.version}</Table.Td>
                <Table.Td>{time.format(new Date(version.published_at))}</Table.Td>
                <Table.Td>{who(version)}</Table.Td>
                <Table.Td>{about(version)}</Table.Td>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap">
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => setShown({ left: version.version, right: current })}
                    >
                      {version.version === current ? t("console.view") : t("console.compare")}
                    </Button>
                    {version.version !== current && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() => setBack(version.version)}
                      >
                        {t("console.rollback")}
                      </Button>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {back !== null && (
        <GoBack key={back} name={stored.name} version={back} onEnd={() => setBack(null)} />
      )}
      {shown && (
        <Suspense fallback={<Loader />}>
          <VersionCompare
            name={stored.name}
            numbers={found.data.map((version) => version.version)}
            {...shown}
            onChoose={(left, right) => setShown({ left, right })}
          />
        </Suspense>
      )}
    </Stack>
  );
}

type GoBackProps = { name: string; version: number; onEnd: () => void };

function GoBack({ name, version, onEnd }: GoBackProps) {
  const t = useText();
  const [accepted, setAccepted] = useState<string[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const path = `/core/services/${name}`;
  const definition = useQuery(versionQuery(name, version)).data;
  const plan = useQuery({
    queryKey: ["console", "back", name, version],
    queryFn: async () => (await post<Plan>(`${path}/plan`, { version })).data,
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const goBack = async () => {
    setBusy(true);
    setFailure("");
    try {
      const body = { version, accept_loss: accepted };
      const done = await post<{ version: number }>(`${path}/rollback`, body);
      notifications.show({ message: t("console.published", { version: done.data.version }) });
      onEnd();
      await readServicesAgain();
    } catch (error) {
      setFailure(detailsOf(error));
      setBusy(false);
    }
  };
  const consented = plan.data?.losses.every((loss) => accepted.includes(loss)) ?? false;
  return (
    <Stack component="section" gap="sm" aria-label={t("console.rollbackTo", { version })}>
      <Title order={2} size="h3">
        {t("console.rollbackTo", { version })}
      </Title>
      <Text size="sm">{t("console.rollbackHelp")}</Text>
      {plan.isPending && <Loader />}
      {(plan.isError || failure) && (
        <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
          {failure || detailsOf(plan.error)}
        </Alert>
      )}
      {plan.data && (
        <Suspense fallback={<Loader />}>
          <PlanView
            plan={plan.data}
            definition={definition}
            accepted={accepted}
            onAccept={setAccepted}
          />
        </Suspense>
      )}
      <Group>
        <Button
          color="red"
          disabled={busy || !plan.data?.publishable || !consented}
          onClick={() => void goBack()}
        >
          {t("console.rollbackDo", { version })}
        </Button>
        <Button variant="default" onClick={onEnd}>
          {t("common.cancel")}
        </Button>
      </Group>
    </Stack>
  );
}
