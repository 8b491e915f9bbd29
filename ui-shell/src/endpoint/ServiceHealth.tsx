import { Alert, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Column } from "../api/types";
import { useText } from "../i18n";
import { cellText } from "../list/format";
import { healthQuery } from "../api/health";

const SINCE: Column = { field: "changed_at", type: "datetime" };

/** Says that a service does not answer, before somebody fills in a form for it. */
export function ServiceHealth({ service }: { service: string }) {
  const t = useText();
  const { data } = useQuery(healthQuery());
  const found = data?.find((each) => each.service === service);
  if (!found || (found.state !== "unhealthy" && found.breaker !== "open")) return null;
  const since = cellText(SINCE, found.changed_at);
  return (
    <Alert color="yellow" role="status" title={t("health.down")}>
      <Text size="sm">
        {found.state === "unhealthy"
          ? t("health.since", { time: since, message: found.message })
          : t("health.closed")}
      </Text>
    </Alert>
  );
}
