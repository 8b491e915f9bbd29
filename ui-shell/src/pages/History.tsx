import { Alert, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Source } from "../api/source";
import type { Column, EntityForm, Json } from "../api/types";
import { labelText, type TextKey, useText, wordsOf } from "../i18n";
import { ValueText } from "../form/ValueText";
import { columnOf } from "../list/columns";
import { cellText } from "../list/format";
import styles from "./History.module.css";

type Change = { field: string; old: Json; new: Json };
type Entry = {
  id: string;
  at: string;
  actor: { id: string | null; name: string | null };
  action: string;
  changes: Change[];
};

const WHEN: Column = { field: "at", type: "datetime" };
/** Fields of an entry that stand open. */
const SHORT = 8;

type Props = { source: Source; id: string; form: EntityForm };

/** Who changed what, field by field, newest first. */
export function History({ source, id, form }: Props) {
  const t = useText();
  const history = useQuery({
    queryKey: ["history", source.data, id],
    queryFn: async ({ signal }) =>
      (await get<Entry[]>(`${source.data}/${id}/history`, {}, signal)).data,
  });
  const said = (action: string) => {
    const key = `record.${action}` as TextKey;
    const named = form.actions.find((item) => item.name === action);
    return t(key) === key ? labelText(named?.label, wordsOf(action)) : t(key);
  };
  return (
    <Stack gap="xs">
      <Title order={2} size="h3">
        {t("form.history")}
      </Title>
      {history.isError && <Alert color="red">{history.error.message}</Alert>}
      {history.data?.length === 0 && <Text c="dimmed">{t("record.noHistory")}</Text>}
      {(history.data ?? []).map((entry) => (
        <div key={entry.id}>
          <Text size="sm" fw={500}>
            {entry.actor.name} {said(entry.action)} · {cellText(WHEN, entry.at)}
          </Text>
          {entry.changes.length > SHORT ? (
            <details className={styles.changes}>
              <summary>{t("record.fields", { count: entry.changes.length })}</summary>
              <Changes changes={entry.changes} form={form} />
            </details>
          ) : (
            <Changes changes={entry.changes} form={form} />
          )}
        </div>
      ))}
    </Stack>
  );
}

const isDeep = (value: Json): boolean =>
  typeof value === "object" && value !== null && JSON.stringify(value).length > 80;

function Changes({ changes, form }: { changes: readonly Change[]; form: EntityForm }) {
  const t = useText();
  return changes.map((change) => {
    const column = columnOf(form, change.field);
    const name = labelText(column?.label, wordsOf(change.field));
    if (isDeep(change.old) || isDeep(change.new)) {
      return (
        <details key={change.field} className={styles.changes}>
          <summary>{`${name}: ${t("record.differs")}`}</summary>
          <pre>{`${asText(change.old)}\n→\n${asText(change.new)}`}</pre>
        </details>
      );
    }
    return (
      <Text key={change.field} size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {name}: <ValueText column={column} value={change.old} /> →{" "}
        <ValueText column={column} value={change.new} />
      </Text>
    );
  });
}

const asText = (value: Json): string => JSON.stringify(value, null, 1) ?? "";
