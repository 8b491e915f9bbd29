import { Alert, Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ApiError } from "../api/errors";
import { useText } from "../i18n";

/** What a page shows whose content cannot be loaded: why, and the ways on. */
export function Failed({ error, onAgain }: { error: Error; onAgain: () => void }) {
  const t = useText();
  return (
    <Alert m="lg" color="red" role="alert" title={t("error.failed")}>
      <Text size="sm">{error.message}</Text>
      <Group mt="sm" gap="sm">
        <Button size="xs" variant="default" onClick={onAgain}>
          {t("common.retry")}
        </Button>
        <Link to="/">{t("nav.home")}</Link>
        {error instanceof ApiError && error.requestId && (
          <Text size="xs" c="dimmed" ff="monospace">
            {t("error.request", { id: error.requestId })}
          </Text>
        )}
      </Group>
    </Alert>
  );
}
