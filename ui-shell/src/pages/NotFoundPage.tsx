import { Stack, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useText } from "../i18n";

/** The page of an address that leads nowhere. */
export function NotFoundPage() {
  const t = useText();
  return (
    <Stack p="xl" gap="sm">
      <Title order={2}>{t("error.notFound")}</Title>
      <Link to="/">{t("nav.home")}</Link>
    </Stack>
  );
}
