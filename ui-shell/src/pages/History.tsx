import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Source } from "../api/source";
import type { EntityForm, Json } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { cellText } from "../list/format";

type Entry = {
  id: string;
  at: string;
  actor: { id: string | null; name: string | null };
  action: string;
  changes: { field: string; old: Json; new: Json }[];
};

type Props = { source: Source; id: string; form: EntityForm };

/** Who changed what, field by field, newest first. */
export function History({ source, id, form }: Props) {
  const t = useText();
  const history = useQuery({
    queryKey: ["history", source.data, id],
    queryFn: async ({ signal }) =>
      (await get<Entry[]>(`${source.data}/${id}/history`, {}, signal)).data,
  });
  const show = (field: string, value: Json) => {
    const column = form.list.available?.find((item) => item.field === field);
    return (column ? cellText(column, value) : String(value ?? "")) || t("form.none");
  };
  const name = (field: string) =>
    labelText(form.list.available?.find((item) => item.field === field)?.label, wordsOf(field));
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t("form.history")}
      </Title>
      {(history.data ?? []).map((entry) => (
        <div key={entry.id}>
          <Text size="sm" fw={500}>
            {entry.action} · {entry.actor.name} · {new Date(entry.at).toLocaleString()}
          </Text>
          {entry.changes.map((change) => (
            <Text key={change.field} size="sm" c="dimmed">
              {name(change.field)}: {show(change.field, change.old)} →{" "}
              {show(change.field, change.new)}
            </Text>
          ))}
        </div>
      ))}
    </Stack>
  );
}
