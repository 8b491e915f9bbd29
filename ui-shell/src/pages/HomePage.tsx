import { Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { formQuery, listQuery, menusQuery } from "../api/queries";
import { type Source, sourceOf } from "../api/source";
import type { Column } from "../api/types";
import { useSession } from "../api/useSession";
import { useText } from "../i18n";
import { cellText } from "../list/format";
import { NamedIcon } from "../shell/icons";
import { categoryLabel, groupMenus, leavesOf, menuLabel } from "../shell/menu";

const CREATED: Column = { field: "created_at", type: "datetime" };

/** The first page: a greeting, and the menu as cards under the headings that it has. */
export function HomePage() {
  const t = useText();
  const session = useSession();
  const menus = useQuery(menusQuery());
  const groups = groupMenus(menus.data?.menus ?? [])
    .map(({ category, nodes }) => ({
      category,
      leaves: leavesOf(nodes).filter(({ node }) => node.path !== "/"),
    }))
    .filter(({ leaves }) => leaves.length > 0);
  const first = groups.flatMap(({ leaves }) => leaves).flatMap(({ node }) => {
    const [, service, entity] = /^\/s\/([^/?]+)\/([^/?]+)$/.exec(node.path ?? "") ?? [];
    return service && entity ? [{ node, source: sourceOf(service, entity) }] : [];
  })[0];
  return (
    <Stack p="lg" gap="lg">
      <div>
        <Title order={1}>{t("home.welcome", { name: session.user?.name ?? "" })}</Title>
        <Text c="dimmed">{t("home.hint")}</Text>
      </div>
      {groups.map(({ category, leaves }) => (
        <Stack key={category} gap="xs">
          <Title order={2} size="h3">
            {categoryLabel(category)}
          </Title>
          <SimpleGrid cols={{ base: 2, md: 3, lg: 4 }} spacing="sm">
            {leaves.map(({ node, icon }) => (
              <Card key={node.id} withBorder p="sm" component={Link} to={node.path ?? "/"}>
                <Group gap="sm" wrap="nowrap">
                  <NamedIcon name={icon} />
                  <Text fw={600}>{menuLabel(node)}</Text>
                </Group>
              </Card>
            ))}
          </SimpleGrid>
        </Stack>
      ))}
      {first && <Recent name={menuLabel(first.node)} source={first.source} />}
    </Stack>
  );
}

/** The five newest records of what stands first in the menu. */
function Recent({ name, source }: { name: string; source: Source }) {
  const t = useText();
  const form = useQuery(formQuery(source));
  const list = useQuery(listQuery(source, { sort: "-created_at", limit: 5 }));
  const records = list.data?.data ?? [];
  if (!form.data || records.length === 0) return null;
  const titleField = form.data.title_field;
  return (
    <Stack gap="xs" maw={640}>
      <Group justify="space-between">
        <Title order={2} size="h3">
          {t("home.recent", { name })}
        </Title>
        <Link to={source.ui as never}>{t("home.all")}</Link>
      </Group>
      {records.map((record) => (
        <Group key={record.id} justify="space-between">
          <Link to={`${source.ui}/${record.id}` as never}>
            {String(record[titleField] ?? record.id)}
          </Link>
          <Text size="sm" c="dimmed">
            {cellText(CREATED, record.created_at ?? null)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
