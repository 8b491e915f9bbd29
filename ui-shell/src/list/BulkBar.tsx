import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { request } from "../api/client";
import { refreshRecords } from "../api/queries";
import type { Source } from "../api/source";
import type { Detail, EntityForm, EntityRecord, Json, JsonObject } from "../api/types";
import { reasonOf } from "../form/findings";
import { allows, fixedBecause } from "../form/offers";
import { offerRestore, RestoreButton } from "../form/restore";
import { controlsOf } from "../form/values";
import { labelText, useText, wordsOf } from "../i18n";
import styles from "./List.module.css";
import { ValueInput } from "./ValueInput";

type Result = { status: number; error?: { message?: string; details?: Detail[] } };
type Props = {
  source: Source;
  form: EntityForm;
  selected: ReadonlyMap<string, EntityRecord>;
  /** Whether the rows are deleted ones, which can only be taken back. */
  inBin: boolean;
  onClear: () => void;
};

const SIMPLE = new Set(["json", "lines", "geo_point", "secret", "tags", "multi_choice", "file"]);

/** What can be done with the rows that are ticked; each write stands by itself. */
export function BulkBar({ source, form, selected, inBin, onClear }: Props) {
  const t = useText();
  const [asking, setAsking] = useState<"delete" | "update" | null>(null);
  const [busy, setBusy] = useState(false);
  const fields = controlsOf(form.ui).filter(
    ({ name, element }) =>
      !SIMPLE.has(String(element.options?.type)) &&
      !element.options?.readonly &&
      form.list.available?.some((column) => column.field === name),
  );
  const [field, setField] = useState(fields[0]?.name ?? "");
  const [value, setValue] = useState<Json>(null);
  const column = form.list.available?.find((item) => item.field === field);

  const all = [...selected.values()];
  const offered = {
    update: form.permissions.update ? all.filter((row) => allows(row, "update")) : [],
    delete: form.permissions.delete ? all.filter((row) => allows(row, "delete")) : [],
  };
  const mayWrite = form.permissions.update || form.permissions.delete;
  const fixed = mayWrite ? all.flatMap((row) => fixedBecause(form, row) ?? []) : [];
  const count = asking ? offered[asking].length : 0;

  async function run(operation: JsonObject, rows: readonly EntityRecord[]) {
    setBusy(true);
    const operations = rows.map(({ id, version }) => ({
      ...operation,
      id,
      ...(typeof version === "number" ? { version } : {}),
    }));
    try {
      const answer = await request<Result[]>("POST", `${source.data}/bulk`, {
        body: { atomic: false, operations },
      });
      const failed = answer.data.filter(({ status }) => status >= 400);
      const done = rows.filter((_, index) => (answer.data[index]?.status ?? 0) < 400);
      await refreshRecords(source);
      onClear();
      say(operation.op === "delete", done.map(({ id }) => id), failed);
    } catch (error) {
      notifications.show({ color: "red", message: error instanceof Error ? error.message : "" });
    } finally {
      setBusy(false);
      setAsking(null);
    }
  }

  function say(isDelete: boolean, done: readonly string[], failed: readonly Result[]) {
    const counts = {
      count: done.length,
      done: done.length,
      failed: failed.length,
      why: reasonOf(form, failed[0]?.error),
    };
    const some = isDelete ? "list.bulkDeletedSome" : "list.bulkSome";
    const all = isDelete ? "list.bulkDeleted" : "list.bulkDone";
    const text = t(failed.length ? some : all, counts);
    if (isDelete && done.length > 0 && form.permissions.restore)
      offerRestore(source, form, done, text, failed.length > 0);
    else notifications.show({ color: failed.length ? "red" : "accent", message: text });
  }

  return (
    <Group className={styles.bulk} gap="sm" role="region" aria-label={t("list.bulk")}>
      <Text fw={500}>{t("list.selected", { count: selected.size })}</Text>
      {inBin && (
        <RestoreButton source={source} form={form} ids={[...selected.keys()]} onDone={onClear} />
      )}
      {!inBin && offered.update.length > 0 && fields.length > 0 && (
        <Button variant="default" onClick={() => setAsking("update")}>
          {t("list.bulkUpdate")}
        </Button>
      )}
      {!inBin && offered.delete.length > 0 && (
        <Button variant="default" c="var(--danger-text)" onClick={() => setAsking("delete")}>
          {t("form.delete")}
        </Button>
      )}
      <Button variant="subtle" onClick={onClear}>
        {t("list.bulkClear")}
      </Button>
      {fixed[0] !== undefined && (
        <Text size="sm" c="dimmed" role="status">
          {t("list.bulkFixed", { count: fixed.length, why: fixed[0] })}
        </Text>
      )}
      <Modal
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={asking === "delete" ? t("form.delete") : t("list.bulkUpdate")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <Stack>
          {asking === "delete" ? (
            <Text>{t("list.bulkDeleteAsk", { count })}</Text>
          ) : (
            <>
              <NativeSelect
                label={t("list.field")}
                value={field}
                data={fields.map(({ name, element }) => ({
                  value: name,
                  label: labelText(
                    typeof element.label === "boolean" ? null : element.label,
                    wordsOf(name),
                  ),
                }))}
                onChange={(event) => {
                  setField(event.currentTarget.value);
                  setValue(null);
                }}
              />
              {column && (
                <ValueInput
                  key={field}
                  column={column}
                  label={t("list.value")}
                  value={value}
                  onChange={setValue}
                />
              )}
            </>
          )}
          <Button
            loading={busy}
            color={asking === "delete" ? "red" : undefined}
            onClick={() =>
              void (asking === "delete"
                ? run({ op: "delete" }, offered.delete)
                : run({ op: "update", values: { [field]: value } }, offered.update))
            }
          >
            {asking === "delete"
              ? t("list.bulkDelete", { count })
              : t("list.bulkApply", { count })}
          </Button>
        </Stack>
      </Modal>
    </Group>
  );
}
