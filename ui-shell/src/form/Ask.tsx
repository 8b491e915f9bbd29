import { Button, Group, Modal, Text } from "@mantine/core";
import { useText } from "../i18n";

type Props = {
  title: string;
  text: string;
  destructive: boolean;
  onYes: () => void;
  onNo: () => void;
};

/** Asks before something is done; the answer that changes nothing has the focus. */
export function Ask({ title, text, destructive, onYes, onNo }: Props) {
  const t = useText();
  // Beside "Cancel the job" a second "Cancel" would leave people guessing.
  const isCancel = title.toLowerCase().startsWith(t("common.cancel").toLowerCase());
  return (
    <Modal
      opened
      onClose={onNo}
      title={title}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Text size="sm">{text}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={onNo}>
          {t(isCancel ? "common.no" : "common.cancel")}
        </Button>
        <Button {...(destructive ? { color: "red" } : {})} onClick={onYes}>
          {title}
        </Button>
      </Group>
    </Modal>
  );
}
