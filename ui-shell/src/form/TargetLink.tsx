import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { sourceOfTarget } from "../api/source";
import { useTitle } from "../api/useTitle";
import { useText } from "../i18n";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";

/** A relation that cannot be changed here: its target's title, which leads to it. */
export function TargetLink({ id: inputId, element, value, describedBy }: InputProps) {
  const t = useText();
  const id = typeof value === "string" ? value : "";
  const title = useTitle(element.options, id);
  const source = sourceOfTarget(String(element.options?.target ?? ""));
  return (
    <output id={inputId} aria-live="off" className={styles.fixed} aria-describedby={describedBy}>
      {title.isRead ? (
        <Anchor
          underline="always"
          renderRoot={(props) => <Link to={`${source.ui}/${id}` as never} {...props} />}
        >
          {title.text}
        </Anchor>
      ) : (
        title.text || t("form.none")
      )}
    </output>
  );
}
