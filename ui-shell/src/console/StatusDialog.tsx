import { Alert, Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { request } from "../api/client";
import { useText } from "../i18n";
import { detailsOf } from "./failure";
import { readServicesAgain } from "./published";
import { isStatus, STATUSES, type Standing, type Status } from "./status";

type Props = { service: Standing; label: string; onClose: () => void };

/** Asks how a service is to be, and says what tenants meet in each case. */
export function StatusDialog({ service, label, onClose }: Props) {
  const t = useText();
  const [chosen, setChosen] = useState(service.status);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const next: Status | null = isStatus(chosen) && chosen !== service.status ? chosen : null;

  async function change(status: Status) {
    setBusy(true);
    setFailure("");
    try {
      await request("PUT", `/core/services/${service.name}/status`, { body: { status } });
      notifications.show({ message: t(`console.statusDone.${status}`, { name: label }) });
      await readServicesAgain();
      onClose();
    } catch (error) {
      setFailure(detailsOf(error));
      setBusy(false);
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("console.statusTitle", { name: label })}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (next) void change(next);
        }}
      >
        <Stack>
          <Radio.Group
            label={t("console.statusHelp")}
            value={chosen}
            onChange={(value) => {
              setChosen(value);
              setFailure("");
            }}
          >
            <Stack gap="sm" mt="sm">
              {STATUSES.map((status) => (
                <Radio
                  key={status}
                  value={status}
                  data-autofocus={status === service.status || undefined}
                  label={
                    status === service.status
                      ? t("console.statusPresent", { status: t(`console.status.${status}`) })
                      : t(`console.status.${status}`)
                  }
                  description={t(`console.statusMeans.${status}`)}
                  styles={{ description: { fontSize: "var(--mantine-font-size-xs)" } }}
                />
              ))}
            </Stack>
          </Radio.Group>
          {failure && (
            <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
              {failure}
            </Alert>
          )}
          {!next && (
            <Text id="why-same-status" size="xs" c="dimmed">
              {t("console.statusSame")}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button
              type="submit"
              loading={busy}
              disabled={!next}
              aria-describedby={next ? undefined : "why-same-status"}
              {...(next === "inactive" ? { color: "red" } : {})}
            >
              {next ? t(`console.statusDo.${next}`) : t("console.statusChange")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
