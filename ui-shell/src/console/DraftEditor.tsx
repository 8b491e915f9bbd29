import { Alert, Button, Group, Loader, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { lazy, Suspense, useState } from "react";
import { post, request } from "../api/client";
import { ApiError } from "../api/errors";
import { queryClient } from "../api/queries";
import { UnsavedGuard } from "../form/UnsavedGuard";
import { useText } from "../i18n";
import { type Plan, type StoredService, serviceQuery } from "./api";
import { DefinitionEditor } from "./DefinitionEditor";
import { newService, type ServiceDefinition } from "./definition";
import { detailsOf } from "./failure";
import { Published } from "./Published";
import { readServicesAgain } from "./published";

const PlanView = lazy(() => import("./PlanView"));

const startOf = (stored: StoredService): ServiceDefinition =>
  stored.draft ?? stored.definition ?? newService();

/** The draft of a service: edit, save, see the plan, publish. */
export function DraftEditor({ stored }: { stored: StoredService }) {
  const t = useText();
  const [definition, setDefinition] = useState(() => startOf(stored));
  const [saved, setSaved] = useState(definition);
  const [revision, setRevision] = useState(stored.draft_revision);
  const [plan, setPlan] = useState<Plan | null>(null);
  const [accepted, setAccepted] = useState<string[]>([]);
  const [comment, setComment] = useState("");
  const [failure, setFailure] = useState("");
  const [conflict, setConflict] = useState(false);
  const [version, setVersion] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const path = `/core/services/${stored.name}`;

  async function attempt(work: () => Promise<void>) {
    setBusy(true);
    setFailure("");
    try {
      await work();
    } catch (error) {
      if (error instanceof ApiError && error.code === "DRAFT_CONFLICT") setConflict(true);
      else setFailure(detailsOf(error));
    } finally {
      setBusy(false);
    }
  }
  const latest = () => queryClient.fetchQuery(serviceQuery(stored.name));
  const change = (next: ServiceDefinition) => {
    setDefinition(next);
    setPlan(null);
    setVersion(null);
  };
  const saveOver = async (known: number | null) => {
    const body = { definition, draft_revision: known };
    const done = await request<{ draft_revision: number }>("PUT", `${path}/draft`, { body });
    setRevision(done.data.draft_revision);
    setSaved(definition);
    setConflict(false);
    notifications.show({ message: t("console.draftSaved") });
    await queryClient.invalidateQueries({ queryKey: ["console", "services"] });
  };
  const loadTheirs = async () => {
    const theirs = await latest();
    const next = startOf(theirs);
    change(next);
    setSaved(next);
    setRevision(theirs.draft_revision);
    setConflict(false);
  };
  const show = async () => {
    setAccepted([]);
    setPlan((await post<Plan>(`${path}/plan`, { definition })).data);
  };
  const publish = async () => {
    const body = { definition, accept_loss: accepted, comment, draft_revision: revision };
    const done = await post<{ version: number }>(`${path}/publish`, body);
    setPlan(null);
    setComment("");
    setSaved(definition);
    setVersion(done.data.version);
    await readServicesAgain();
    setRevision((await latest()).draft_revision);
  };
  const consented = plan?.losses.every((name) => accepted.includes(name)) ?? false;
  const whyNot = !plan
    ? t("console.planFirst")
    : !plan.publishable
      ? t("console.planWrong")
      : consented
        ? ""
        : t("console.planLosses");
  const isChanged = definition !== saved && JSON.stringify(definition) !== JSON.stringify(saved);
  if (stored.draft_revision !== revision && !isChanged && !busy) {
    // Going back to an older version changed the draft: nothing of ours is lost by it.
    const next = startOf(stored);
    change(next);
    setSaved(next);
    setRevision(stored.draft_revision);
  }
  return (
    <Stack gap="md">
      <UnsavedGuard when={() => isChanged} text={t("console.leaveHelp")} />
      <Group justify="space-between">
        <Text size="sm" c="dimmed" role="status">
          {isChanged ? t("console.unsaved") : t("console.allSaved")}
        </Text>
        <Group gap="xs">
          <Button
            variant="default"
            disabled={busy}
            onClick={() => void attempt(() => saveOver(revision))}
          >
            {t("console.saveDraft")}
          </Button>
          <Button variant="default" disabled={busy} onClick={() => void attempt(show)}>
            {t("console.plan")}
          </Button>
          <Button
            disabled={busy || whyNot !== ""}
            aria-describedby="why-not-published"
            onClick={() => void attempt(publish)}
          >
            {t("console.publish")}
          </Button>
        </Group>
      </Group>
      <Text id="why-not-published" size="xs" c="dimmed" ta="right" mt={-8}>
        {whyNot}
      </Text>
      {failure && (
        <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
          {failure}
        </Alert>
      )}
      {conflict && (
        <Alert color="yellow" role="alert" title={t("console.conflict")}>
          <Text size="sm">{t("console.conflictHelp")}</Text>
          <Group gap="xs" mt="sm">
            <Button size="xs" variant="default" onClick={() => void attempt(loadTheirs)}>
              {t("console.loadTheirs")}
            </Button>
            <Button
              size="xs"
              color="red"
              onClick={() =>
                void attempt(async () => saveOver((await latest()).draft_revision))
              }
            >
              {t("console.overwrite")}
            </Button>
          </Group>
        </Alert>
      )}
      {version !== null && <Published name={stored.name} version={version} of={definition} />}
      {plan && (
        <>
          <Suspense fallback={<Loader />}>
            <PlanView
              plan={plan}
              definition={definition}
              accepted={accepted}
              onAccept={setAccepted}
            />
          </Suspense>
          <TextInput
            label={t("console.comment")}
            description={t("console.commentHelp")}
            maxLength={500}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
        </>
      )}
      <DefinitionEditor
        isNew={false}
        published={stored.definition}
        definition={definition}
        onChange={change}
      />
    </Stack>
  );
}
