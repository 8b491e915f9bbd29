import { Alert, Badge, Button } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useSession } from "../api/useSession";
import { useText } from "../i18n";
import styles from "./Definition.module.css";
import { isStatus, type Standing, statusOf } from "./status";

const StatusDialog = lazy(() =>
  import("./StatusDialog").then((module) => ({ default: module.StatusDialog })),
);

/** How a service is, in a word; one that tenants cannot use stands out. */
export function StatusBadge({ service }: { service: Standing }) {
  const isOut = service.published_version !== null && service.status !== "active";
  return (
    <Badge variant="default" className={styles.status} data-status={isOut ? service.status : undefined}>
      {statusOf(service)}
    </Badge>
  );
}

/** What tenants meet while a service is not in use; nothing while it is. */
export function StatusNotice({ service }: { service: Standing }) {
  const t = useText();
  const { status, published_version } = service;
  if (published_version === null || !isStatus(status) || status === "active") return null;
  return (
    <Alert role="status" color={status === "inactive" ? "red" : "yellow"}>
      {t(`console.statusNow.${status}`)}
    </Alert>
  );
}

/** Opens the dialog that changes how a service is, for those who may publish it. */
export function StatusButton({ service, label }: { service: Standing; label: string }) {
  const t = useText();
  const { user } = useSession();
  const [open, setOpen] = useState(false);
  const mayChange = ["*", "service:*", "service:publish"].some((word) =>
    user?.permissions.includes(word),
  );
  // Nobody has what was never published, so there is nothing to take out of use.
  if (!mayChange || service.published_version === null) return null;
  return (
    <>
      <Button variant="default" size="xs" onClick={() => setOpen(true)}>
        {t("console.statusChange")}
      </Button>
      <Suspense>
        {open && <StatusDialog service={service} label={label} onClose={() => setOpen(false)} />}
      </Suspense>
    </>
  );
}
