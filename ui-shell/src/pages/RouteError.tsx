import { Button, Stack, Text, Title } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { ApiError } from "../api/errors";
import { useText } from "../i18n";

/** What a page shows when it fails: what happened, the request id, a way on. */
export function RouteError({ error }: { error: unknown }) {
  const t = useText();
  const router = useRouter();
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Stack p="xl" gap="sm" align="flex-start" role="alert">
      <Title order={2}>{t("error.failed")}</Title>
      <Text>{message}</Text>
      {error instanceof ApiError && error.requestId && (
        <Text size="sm" ff="monospace">
          {t("error.request", { id: error.requestId })}
        </Text>
      )}
      <Button variant="default" onClick={() => void router.invalidate()}>
        {t("common.retry")}
      </Button>
    </Stack>
  );
}
