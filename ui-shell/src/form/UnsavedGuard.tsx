import { Button, Group, Modal, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useText } from "../i18n";

/** Asks before changes are lost: on another page of ours and when the tab closes. */
export function UnsavedGuard({ when, text }: { when: () => boolean; text: string }) {
  const t = useText();
  const blocker = useBlocker({
    // Another tab of the same page keeps what was typed.
    shouldBlockFn: ({ current, next }) => when() && current.pathname !== next.pathname,
    enableBeforeUnload: when,
    withResolver: true,
  });
  const isAsking = blocker.status === "blocked";
  return (
    <Modal
      opened={isAsking}
      onClose={() => blocker.reset?.()}
      title={t("form.leave")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Text size="sm">{text}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={() => blocker.reset?.()}>
          {t("form.stay")}
        </Button>
        <Button color="red" onClick={() => blocker.proceed?.()}>
          {t("form.discard")}
        </Button>
      </Group>
    </Modal>
  );
}
