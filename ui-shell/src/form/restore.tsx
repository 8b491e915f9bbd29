import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { post } from "../api/client";
import { ApiError } from "../api/errors";
import { refreshRecords } from "../api/queries";
import type { Source } from "../api/source";
import type { EntityForm } from "../api/types";
import { t } from "../i18n";
import { reasonOf } from "./findings";

/** Takes records out of the bin, each by itself, and says how many came back. */
async function restore(
  source: Source,
  form: EntityForm,
  ids: readonly string[],
): Promise<void> {
  const refused: ApiError[] = [];
  for (const id of ids) {
    try {
      await post(`${source.data}/${id}/restore`, {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      refused.push(error);
    }
  }
  const done = ids.length - refused.length;
  notifications.show(
    refused.length
      ? {
          color: "red",
          message: t("list.restoredSome", {
            done,
            failed: refused.length,
            why: reasonOf(form, refused[0]),
          }),
        }
      : { message: t("list.restored", { count: done }) },
  );
  await refreshRecords(source);
}

type ButtonProps = {
  source: Source;
  form: EntityForm;
  ids: readonly string[];
  /** Whose button it is, where many stand beside each other. */
  label?: string;
  isSmall?: boolean;
  onDone?: () => void;
};

/** Takes what is deleted back out of the bin. */
export function RestoreButton({ source, form, ids, label, isSmall, onDone }: ButtonProps) {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      variant="default"
      size={isSmall ? "compact-sm" : "sm"}
      loading={busy}
      aria-label={label}
      onClick={() => {
        setBusy(true);
        void restore(source, form, ids).finally(() => {
          setBusy(false);
          onDone?.();
        });
      }}
    >
      {t("form.restore")}
    </Button>
  );
}

/** Says what was deleted, in red where something was not; Undo takes it out of the bin. */
export function offerRestore(
  source: Source,
  form: EntityForm,
  ids: readonly string[],
  text: string,
  isPartly = false,
): void {
  const notice = notifications.show({
    ...(isPartly ? { color: "red" } : {}),
    autoClose: 10_000,
    message: (
      <Group justify="space-between">
        <Text size="sm">{text}</Text>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            notifications.hide(notice);
            void restore(source, form, ids);
          }}
        >
          {t("common.undo")}
        </Button>
      </Group>
    ),
  });
}
