import { Alert, Badge, Button, Group, Loader, Stack, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { post, request } from "../api/client";
import { queryClient } from "../api/queries";
import { useText } from "../i18n";
import { type Plan, type StoredService, serviceQuery } from "./api";
import { DefinitionEditor } from "./DefinitionEditor";
import { newService } from "./definition";
import { detailsOf } from "./failure";
import { PlanView } from "./PlanView";
import { TenantToggles } from "./TenantToggles";

/** One service: its definition, what publishing would do, and who has it. */
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
  return <ServiceEditor key={name} stored={service.data} />;
}

function ServiceEditor({ stored }: { stored: StoredService }) {
  const t = useText();
  const [definition, setDefinition] = useState(stored.draft ?? stored.definition ?? newService());
  const [plan, setPlan] = useState<Plan | null>(null);
  const [accepted, setAccepted] = useState<string[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const path = `/core/services/${stored.name}`;

  async function attempt(work: () => Promise<void>) {
    setBusy(true);
    setFailure("");
    try {
      await work();
    } catch (error) {
      setFailure(detailsOf(error));
    } finally {
      setBusy(false);
    }
  }
  const reload = () => queryClient.invalidateQueries({ queryKey: ["console"] });
  const save = async () => {
    const body = { definition, draft_revision: stored.draft_revision };
    await request("PUT", `${path}/draft`, { body });
    notifications.show({ message: t("form.saved") });
    await reload();
  };
  const show = async () => {
    setAccepted([]);
    setPlan((await post<Plan>(`${path}/plan`, { definition })).data);
  };
  const publish = async () => {
    const body = { definition, accept_loss: accepted, comment: "" };
    const done = await post<{ version: number }>(`${path}/publish`, body);
    setPlan(null);
    notifications.show({ message: t("console.published", { version: done.data.version }) });
    queryClient.removeQueries({ queryKey: ["form"] });
    await queryClient.invalidateQueries({ queryKey: ["menus"] });
    await reload();
  };
  const consented = plan?.losses.every((name) => accepted.includes(name)) ?? false;
  return (
    <Stack p="lg">
      <Group justify="space-between">
        <Group gap="sm">
          <Title order={1} size="h2">
            {stored.name}
          </Title>
          <Badge variant="light">{stored.status}</Badge>
          {stored.published_version && (
            <Badge variant="default">{`${t("console.version")} ${stored.published_version}`}</Badge>
          )}
        </Group>
        <Group gap="xs">
          <Button variant="default" disabled={busy} onClick={() => void attempt(save)}>
            {t("console.saveDraft")}
          </Button>
          <Button variant="default" disabled={busy} onClick={() => void attempt(show)}>
            {t("console.plan")}
          </Button>
          <Button
            disabled={busy || !plan?.publishable || !consented}
            onClick={() => void attempt(publish)}
          >
            {t("console.publish")}
          </Button>
        </Group>
      </Group>
      {failure && (
        <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
          {failure}
        </Alert>
      )}
      {plan && <PlanView plan={plan} accepted={accepted} onAccept={setAccepted} />}
      <DefinitionEditor
        isNew={false}
        published={stored.definition}
        definition={definition}
        onChange={(next) => {
          setDefinition(next);
          setPlan(null);
        }}
      />
      {stored.published_version && <TenantToggles name={stored.name} />}
    </Stack>
  );
}
