import { Button, Group, Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { post, request } from "../api/client";
import { refreshRecords } from "../api/queries";
import type { Source } from "../api/source";
import type { EntityForm, EntityRecord, JsonObject, RecordAction } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { Ask } from "./Ask";
import { RecordForm } from "./RecordForm";
import { allows } from "./offers";
import { offerRestore } from "./restore";

/** What an action answers; `queued` where a job goes on with it. */
type Done = { result: { queued?: boolean } | null } | null;

type Props = { source: Source; form: EntityForm; record: EntityRecord; etag: string | null };

/** The buttons above a record: its actions, and delete. */
export function RecordActions({ source, form, record, etag }: Props) {
  const t = useText();
  const go = useNavigate();
  const [filling, setFilling] = useState<RecordAction | null>(null);
  const [asking, setAsking] = useState<RecordAction | "delete" | null>(null);
  const path = `${source.data}/${record.id}`;
  const failed = (error: unknown) =>
    notifications.show({
      color: "red",
      message: error instanceof Error ? error.message : String(error),
    });

  async function run(action: RecordAction, body: JsonObject) {
    const { data } = await post<Done>(`${path}/actions/${action.name}`, body);
    const name = labelText(action.label, wordsOf(action.name));
    const isQueued = data?.result?.queued === true;
    notifications.show({ message: t(isQueued ? "record.actionQueued" : "record.actionDone", { name }) });
    await refreshRecords(source);
  }
  function start(action: RecordAction) {
    if (action.schema) setFilling(action);
    else if (action.confirm) setAsking(action);
    else run(action, {}).catch(failed);
  }
  async function remove() {
    await request("DELETE", path, { headers: etag ? { "If-Match": etag } : {} });
    await go({ to: source.ui as never });
    await refreshRecords(source);
    if (form.permissions.restore) offerRestore(source, form, [record.id], t("form.deleted"));
  }
  // The server says which actions this record is in the state for.
  const actions = form.actions.filter(
    (action) => action.scope === "record" && allows(record, action.name),
  );
  const mayDelete = form.permissions.delete && allows(record, "delete");
  if (!actions.length && !mayDelete && !filling && !asking) return null;
  return (
    <Group gap="xs">
      {actions.map((action) => (
        <Button
          key={action.name}
          variant="default"
          c={action.destructive ? "var(--danger-text)" : undefined}
          onClick={() => start(action)}
        >
          {labelText(action.label, wordsOf(action.name))}
        </Button>
      ))}
      {mayDelete && (
        <Button
          variant="subtle"
          c="var(--danger-text)"
          style={{ "--button-hover": "var(--danger-surface)" }}
          onClick={() => setAsking("delete")}
        >
          {t("form.delete")}
        </Button>
      )}
      {asking && (
        <Ask
          title={
            asking === "delete"
              ? t("form.delete")
              : labelText(asking.label, wordsOf(asking.name))
          }
          text={asking === "delete" ? t("form.deleteAsk") : labelText(asking.confirm, "")}
          destructive={asking === "delete" || Boolean(asking.destructive)}
          onNo={() => setAsking(null)}
          onYes={() => {
            setAsking(null);
            (asking === "delete" ? remove() : run(asking, {})).catch(failed);
          }}
        />
      )}
      <Modal
        opened={filling !== null}
        onClose={() => setFilling(null)}
        title={filling && labelText(filling.label, wordsOf(filling.name))}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        {filling?.schema && filling.ui && (
          <RecordForm
            form={{ ...form, schema: filling.schema, ui: filling.ui }}
            record={null}
            readOnly={false}
            submitLabel={labelText(filling.label, wordsOf(filling.name))}
            onSave={async (body) => {
              await run(filling, body);
              return () => setFilling(null);
            }}
          />
        )}
      </Modal>
    </Group>
  );
}
