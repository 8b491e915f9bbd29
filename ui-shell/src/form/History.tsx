import { Card, List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Source } from "../api/source";
import type { EntityForm, Json } from "../api/types";
import { getLocale, labelText, useText, wordsOf } from "../i18n";

type Entry = {
  id: string;
  at: string;
  actor_name: string | null;
  action: string;
  changes: { [field: string]: Json };
};
type Props = { source: Source; form: EntityForm; id: string };

/** Who changed what, newest first. */
export function History({ source, form, id }: Props) {
  const t = useText();
  const entries = useQuery({
    queryKey: ["history", source.data, id],
    queryFn: async () => (await get<Entry[]>(`${source.data}/${id}/history`)).data,
  });
  const label = (name: string): string =>
    labelText(form.list.available?.find((column) => column.field === name)?.label, wordsOf(name));
  if (!entries.data?.length) return null;
  return (
    <Card withBorder p="lg">
      <Title order={2} mb="sm">
        {t("form.history")}
      </Title>
      <Stack gap="sm">
        {entries.data.map((entry) => (
          <div key={entry.id}>
            <Text size="sm">
              <strong>{wordsOf(entry.action)}</strong>{" "}
              <span>{`${entry.actor_name ?? ""} · ${new Date(entry.at).toLocaleString(getLocale())}`}</span>
            </Text>
            <List size="sm" c="dimmed">
              {Object.entries(entry.changes ?? {}).map(([name, change]) => (
                <List.Item key={name}>{`${label(name)}: ${changeText(change)}`}</List.Item>
              ))}
            </List>
          </div>
        ))}
      </Stack>
    </Card>
  );
}

const short = (value: Json | undefined): string =>
  value === null || value === undefined
    ? "–"
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

function changeText(change: Json): string {
  if (Array.isArray(change) && change.length === 2)
    return `${short(change[0])} → ${short(change[1])}`;
  if (change && typeof change === "object" && !Array.isArray(change) && "old" in change) {
    return `${short(change.old)} → ${short(change.new)}`;
  }
  return short(change);
}
