import { Button, Group, Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { post, request } from "../api/client";
import { refreshRecords } from "../api/queries";
import type { Source } from "../api/source";
import type { EntityForm, EntityRecord, JsonObject, RecordAction } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { RecordForm } from "./RecordForm";

type Props = { source: Source; form: EntityForm; record: EntityRecord; etag: string | null };

/** The buttons above a record: its actions, and delete. */
export function RecordActions({ source, form, record, etag }: Props) {
  const t = useText();
  const go = useNavigate();
  const [asking, setAsking] = useState<RecordAction | null>(null);
  const path = `${source.data}/${record.id}`;
  const failed = (error: unknown) =>
    notifications.show({
      color: "red",
      message: error instanceof Error ? error.message : String(error),
    });

  async function run(action: RecordAction, body: JsonObject) {
    await post(`${path}/actions/${action.name}`, body);
    await refreshRecords(source);
  }
  function start(action: RecordAction) {
    if (action.schema) return setAsking(action);
    if (action.confirm && !window.confirm(labelText(action.confirm, action.name))) return;
    run(action, {}).catch(failed);
  }
  async function remove() {
    if (!window.confirm(t("form.deleteAsk"))) return;
    await request("DELETE", path, { headers: etag ? { "If-Match": etag } : {} });
    await go({ to: source.ui as never });
    await refreshRecords(source);
  }
  return (
    <Group gap="xs">
      {form.actions
        .filter((action) => action.scope === "record")
        .map((action) => (
          <Button
            key={action.name}
            variant="default"
            c={action.destructive ? "var(--danger-text)" : undefined}
            onClick={() => start(action)}
          >
            {labelText(action.label, wordsOf(action.name))}
          </Button>
        ))}
      {form.permissions.delete && (
        <Button variant="subtle" c="var(--danger-text)" onClick={() => void remove().catch(failed)}>
          {t("form.delete")}
        </Button>
      )}
      <Modal
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={asking && labelText(asking.label, wordsOf(asking.name))}
      >
        {asking?.schema && asking.ui && (
          <RecordForm
            form={{ ...form, schema: asking.schema, ui: asking.ui }}
            record={null}
            readOnly={false}
            onSave={async (body) => {
              await run(asking, body);
              return () => setAsking(null);
            }}
          />
        )}
      </Modal>
    </Group>
  );
}
