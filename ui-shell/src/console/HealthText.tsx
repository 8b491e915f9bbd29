import { Text, Tooltip } from "@mantine/core";
import type { Health } from "../api/health";
import type { Column } from "../api/types";
import { useText } from "../i18n";
import { cellText } from "../list/format";
import styles from "./Definition.module.css";

const WHEN: Column = { field: "at", type: "datetime" };

/** How an external service is, in a word; the rest where the mouse or the focus is. */
export function HealthText({ health }: { health: Health | undefined }) {
  const t = useText();
  if (!health) return null;
  const since = health.changed_at
    ? t("console.healthSince", { time: cellText(WHEN, health.changed_at) })
    : "";
  return (
    <Tooltip label={[since, health.message].filter(Boolean).join(" · ") || t("console.healthNew")}>
      <span className={styles.health} data-state={health.state} tabIndex={0}>
        <svg width={8} height={8} aria-hidden="true">
          <circle cx={4} cy={4} r={4} fill="currentColor" />
        </svg>
        {t(`console.health.${health.state}`)}
      </span>
    </Tooltip>
  );
}

/** How an external service is, with all that is known of it. */
export function HealthDetails({ health }: { health: Health }) {
  const t = useText();
  const { state, message, changed_at, checked_at, latency_ms } = health;
  const parts = [
    changed_at && t("console.healthSince", { time: cellText(WHEN, changed_at) }),
    checked_at && t("console.healthChecked", { time: cellText(WHEN, checked_at) }),
    state === "healthy" && latency_ms !== null && t("endpoint.took", { time: latency_ms }),
    health.breaker !== "closed" && t("console.healthBreaker"),
  ].filter(Boolean);
  return (
    <div role="status">
      <Text size="sm" component="div">
        <HealthText health={health} /> {parts.length > 0 && `· ${parts.join(" · ")}`}
      </Text>
      {message && (
        <Text size="sm" c="var(--danger-text)">
          {t("console.healthError", { message })}
        </Text>
      )}
    </div>
  );
}
