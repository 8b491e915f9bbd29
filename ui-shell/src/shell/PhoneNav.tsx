import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../i18n";
import styles from "./Shell.module.css";

type Props = { opened: boolean; onClose: () => void; children: ReactNode };

/** The menu of a narrow screen; loaded on those alone. */
export function PhoneNav({ opened, onClose, children }: Props) {
  const t = useText();
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      size={288}
      title="Rangka"
      padding={0}
      classNames={{ header: styles.drawerHeader ?? "" }}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      {children}
    </Drawer>
  );
}
