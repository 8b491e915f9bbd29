import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Source } from "../api/source";
import type { Column, EntityForm, Json } from "../api/types";
import { labelText, type TextKey, useText, wordsOf } from "../i18n";
import { ValueText } from "../form/ValueText";
import { cellText } from "../list/format";

type Entry = {
  id: string;
  at: string;
  actor: { id: string | null; name: string | null };
  action: string;
  changes: { field: string; old: Json; new: Json }[];
};

const WHEN: Column = { field: "at", type: "datetime" };

type Props = { source: Source; id: string; form: EntityForm };

/** Who changed what, field by field, newest first. */
export function History({ source, id, form }: Props) {
  const t = useText();
  const history = useQuery({
    queryKey: ["history", source.data, id],
    queryFn: async ({ signal }) =>
      (await get<Entry[]>(`${source.data}/${id}/history`, {}, signal)).data,
  });
  const columnOf = (field: string) => form.list.available?.find((item) => item.field === field);
  const said = (action: string) => {
    const key = `record.${action}` as TextKey;
    return t(key) === key ? wordsOf(action) : t(key);
  };
  const name = (field: string) =>
    labelText(columnOf(field)?.label, wordsOf(field));
  return (
    <Stack gap="xs">
      <Title order={2} size="h3">
        {t("form.history")}
      </Title>
      {history.data?.length === 0 && <Text c="dimmed">{t("record.noHistory")}</Text>}
      {(history.data ?? []).map((entry) => (
        <div key={entry.id}>
          <Text size="sm" fw={500}>
            {entry.actor.name} {said(entry.action)} · {cellText(WHEN, entry.at)}
          </Text>
          {entry.changes.map((change) => (
            <Text key={change.field} size="sm" c="dimmed">
              {name(change.field)}: <ValueText column={columnOf(change.field)} value={change.old} /> →{" "}
              <ValueText column={columnOf(change.field)} value={change.new} />
            </Text>
          ))}
        </div>
      ))}
    </Stack>
  );
}
