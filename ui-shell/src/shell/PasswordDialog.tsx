import { Alert, Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type FormEvent, useState } from "react";
import { post } from "../api/client";
import { ApiError } from "../api/errors";
import { useText } from "../i18n";

/** Changes the user's own password; the server judges the new one. */
export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const t = useText();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const wrong = (field: string) =>
    failure?.details.find((detail) => detail.field === field)?.message;
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      await post("/auth/password/change", { old_password: old, new_password: next });
      notifications.show({ message: t("password.changed") });
      onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("password.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          {failure && failure.details.length === 0 && <Alert color="red">{failure.message}</Alert>}
          <PasswordInput
            label={t("password.old")}
            autoComplete="current-password"
            data-autofocus
            value={old}
            error={wrong("old_password")}
            onChange={(event) => setOld(event.currentTarget.value)}
          />
          <PasswordInput
            label={t("password.new")}
            description={t("password.hint")}
            autoComplete="new-password"
            value={next}
            error={wrong("new_password")}
            onChange={(event) => setNext(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("password.submit")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
