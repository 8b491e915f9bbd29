import { Modal } from "@mantine/core";
import { type TextKey, useText } from "../i18n";
import styles from "./ShortcutSheet.module.css";

const SHORTCUTS: readonly [string, TextKey][] = [
  ["Ctrl K", "shortcuts.palette"],
  ["/", "shortcuts.search"],
  ["j / k", "shortcuts.rows"],
  ["Enter", "shortcuts.open"],
  ["x", "shortcuts.select"],
  ["n", "shortcuts.new"],
  ["Ctrl S", "shortcuts.save"],
  ["Esc", "shortcuts.close"],
  ["?", "shortcuts.sheet"],
];

export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const t = useText();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("shortcuts.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <dl className={styles.keys}>
        {SHORTCUTS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
