import { useNetwork } from "@mantine/hooks";
import { useText } from "../i18n";
import styles from "./Shell.module.css";

/** Says that the browser has no network: what is shown may be old, nothing can be saved. */
export function OfflineBar() {
  const t = useText();
  const { online } = useNetwork();
  return (
    <div role="status" className={styles.offline} data-shown={!online || undefined}>
      {!online && t("shell.offline")}
    </div>
  );
}
