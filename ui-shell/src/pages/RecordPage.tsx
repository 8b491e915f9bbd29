import { Alert, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { get, request } from "../api/client";
import { formQuery, recordQuery, refreshRecords } from "../api/queries";
import { sourceOf } from "../api/source";
import type { EntityRecord, JsonObject } from "../api/types";
import { RecordActions } from "../form/RecordActions";
import { RecordForm } from "../form/RecordForm";
import { RestoreButton } from "../form/restore";
import { labelText, t, wordsOf } from "../i18n";
import { History } from "./History";
import styles from "./RecordPage.module.css";

/** One record: its form, its actions and its history. */
export function RecordPage() {
  const { service = "platform", entity = "", id = "" } = useParams({ strict: false });
  const source = sourceOf(service, entity);
  const form = useQuery(formQuery(source));
  const loaded = useQuery(recordQuery(source, id, "with"));
  const error = form.error ?? loaded.error;
  if (error)
    return (
      <Alert m="lg" color="red">
        {error.message}
      </Alert>
    );
  if (!form.data || !loaded.data) return <Loader m="xl" />;
  const { record, etag } = loaded.data;
  const title = record[form.data.title_field];
  const isDeleted = Boolean(record.deleted_at);
  // The server says what may be done with this very record.
  const may = (record._actions ?? {}) as JsonObject;
  return (
    <Stack p="lg" gap="md">
      <div>
        <Link to={source.ui as never}>{labelText(form.data.label_plural, wordsOf(entity))}</Link>
        <Title order={1} size="h2">
          {String(title ?? labelText(form.data.label, wordsOf(entity)))}
        </Title>
      </div>
      {isDeleted ? (
        <Group gap="md">
          <Text>{t("record.isDeleted")}</Text>
          {form.data.permissions.restore && (
            <RestoreButton source={source} form={form.data} ids={[id]} />
          )}
        </Group>
      ) : (
        <RecordActions source={source} form={form.data} record={record} etag={etag} />
      )}
      <div className={styles.body} data-rail={form.data.permissions.history || undefined}>
        <RecordForm
          key={`${id} ${String(record.version)}`}
          form={form.data}
          record={record}
          readOnly={isDeleted || !form.data.permissions.update || may.update === false}
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
        {form.data.permissions.history && (
          <aside className={styles.rail}>
            <History source={source} form={form.data} id={id} />
          </aside>
        )}
      </div>
    </Stack>
  );
}
