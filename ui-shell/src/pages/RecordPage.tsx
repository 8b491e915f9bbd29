import { Alert, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { get, request } from "../api/client";
import { formQuery, type LoadedRecord, recordQuery, refreshRecords } from "../api/queries";
import { type Source, sourceOf } from "../api/source";
import type { EntityForm, EntityRecord } from "../api/types";
import { useNews } from "../api/useNews";
import { allows } from "../form/offers";
import { RecordActions } from "../form/RecordActions";
import { RecordForm } from "../form/RecordForm";
import { RestoreButton } from "../form/restore";
import { ValueText } from "../form/ValueText";
import { labelText, useText, wordsOf } from "../i18n";
import { columnOf } from "../list/columns";
import { Status } from "../list/Status";
import { Failed } from "./Failed";
import { isJob, isUnderWay, JOB_PAUSE } from "./jobs";
import styles from "./RecordPage.module.css";
import { RelatedLinks } from "./RelatedLinks";

const History = lazy(() => import("./History").then((module) => ({ default: module.History })));
const JobSummary = lazy(() =>
  import("./JobSummary").then((module) => ({ default: module.JobSummary })),
);

/** One record: its form, its actions and its history. */
export function RecordPage() {
  const { service = "platform", entity = "", id = "" } = useParams({ strict: false });
  const source = sourceOf(service, entity);
  const form = useQuery(formQuery(source));
  const loaded = useQuery({
    ...recordQuery(source, id, "with"),
    // Nobody tells of the steps of a job: while it is not done it is looked at.
    refetchInterval: ({ state }) => isJob(source) && isUnderWay(state.data?.record) && JOB_PAUSE,
  });
  // From the beginning: what changes while it is loaded is heard too.
  useNews(source, (news) => {
    const mine = news?.filter((each) => each.id === id);
    if (mine?.every((each) => each.version === loaded.data?.record.version)) return;
    void refreshRecords(source);
  });
  const error = form.error ?? loaded.error;
  if (error) {
    const again = () => void Promise.all([form.refetch(), loaded.refetch()]);
    return <Failed error={error} onAgain={again} />;
  }
  if (!form.data || !loaded.data) return <Loader m="xl" />;
  return <ShownRecord key={id} source={source} id={id} form={form.data} loaded={loaded.data} />;
}

/** How a record is, beside its title: its state, and whether it calls for somebody. */
function Standing({ form, record }: { form: EntityForm; record: EntityRecord }) {
  const columns = form.list.available ?? form.list.columns;
  const state = columns.find(
    ({ field, type, options }) =>
      STATES.has(field) && type === "choice" && options?.choices?.some(({ color }) => color),
  );
  const alert = columns.find(({ field, type }) => field === "alert" && type === "boolean");
  const value = state && record[state.field];
  return (
    <>
      {state && value && <Status column={state} value={value} />}
      {alert && record.alert === true && (
        <span className={styles.alert}>{labelText(alert.label, wordsOf(alert.field))}</span>
      )}
    </>
  );
}

const STATES = new Set(["state", "status"]);

type Shown = { source: Source; id: string; form: EntityForm; loaded: LoadedRecord };

/** The record as it was when somebody began to change it: nothing is taken from under him. */
function ShownRecord({ source, id, form, loaded }: Shown) {
  const t = useText();
  const [held, setHeld] = useState<LoadedRecord | null>(null);
  const { record, etag } = held ?? loaded;
  const entity = source.entity;
  const isOutdated = held !== null && loaded.record.version !== held.record.version;
  const title = record[form.title_field];
  const titleColumn = columnOf(form, form.title_field);
  const isDeleted = Boolean(record.deleted_at);
  return (
    <Stack p="lg" gap="md">
      <div>
        <Link to={source.ui as never}>{labelText(form.label_plural, wordsOf(entity))}</Link>
        <Group gap="sm">
          <Title order={1} size="h2" className={styles.title}>
            {title === undefined || title === null ? (
              labelText(form.label, wordsOf(entity))
            ) : (
              <ValueText column={titleColumn} value={title} />
            )}
          </Title>
          <Standing form={form} record={record} />
        </Group>
      </div>
      {isDeleted ? (
        <Group gap="md">
          <Text>{t("record.isDeleted")}</Text>
          {form.permissions.restore && (
            <RestoreButton source={source} form={form} ids={[id]} />
          )}
        </Group>
      ) : (
        <RecordActions source={source} form={form} record={record} etag={etag} />
      )}
      {form.related && form.related.length > 0 && <RelatedLinks related={form.related} id={id} />}
      {isJob(source) && (
        <Suspense>
          <JobSummary record={record} />
        </Suspense>
      )}
      {isOutdated && (
        <Alert color="yellow" role="status">
          {t("form.outdated")}
        </Alert>
      )}
      <div className={styles.body} data-rail={form.permissions.history || undefined}>
        <RecordForm
          key={`${id} ${String(record.version)}`}
          form={form}
          record={record}
          readOnly={isDeleted || !form.permissions.update || !allows(record, "update")}
          onDirty={(dirty) => setHeld((old) => (dirty ? (old ?? loaded) : null))}
          onConflict={async () => (await get<EntityRecord>(`${source.data}/${id}`)).data}
          onSave={async (body, fresh) => {
            const match = fresh ? `"${String(fresh.version)}"` : etag;
            if (Object.keys(body).length > 0) {
              await request<EntityRecord>("PATCH", `${source.data}/${id}`, {
                body,
                headers: match ? { "If-Match": match } : {},
              });
            }
            return () => {
              notifications.show({ message: t("form.saved") });
              void refreshRecords(source);
            };
          }}
        />
        {form.permissions.history && (
          <aside className={styles.rail} aria-label={t("form.history")} tabIndex={0}>
            <Suspense>
              <History source={source} form={form} id={id} />
            </Suspense>
          </aside>
        )}
      </div>
    </Stack>
  );
}
