import { Card, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { menusQuery } from "../api/queries";
import { useSession } from "../api/useSession";
import { useText } from "../i18n";
import { NamedIcon } from "../shell/icons";
import { menuLabel } from "../shell/menu";

/** The first page: a greeting and the menu as cards. */
export function HomePage() {
  const t = useText();
  const session = useSession();
  const menus = useQuery(menusQuery());
  const items = (menus.data?.menus ?? []).filter((node) => node.path && node.path !== "/");
  return (
    <Stack p="lg" gap="lg">
      <div>
        <Title order={1} size="h2">
          {t("home.welcome", { name: session.user?.name ?? "" })}
        </Title>
        <Text c="dimmed">{t("home.hint")}</Text>
      </div>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
        {items.map((node) => (
          <Card key={node.id} withBorder component={Link} to={node.path ?? "/"}>
            <NamedIcon name={node.icon} />
            <Text fw={600} mt="xs">
              {menuLabel(node)}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
    </Stack>
  );
}
