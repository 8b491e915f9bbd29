import { useState } from "react";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";
import { nameOf } from "./values";

/** Any JSON value as text; what does not parse is marked and not taken over. */
export function JsonInput(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const [text, setText] = useState(value === null ? "" : JSON.stringify(value));
  const [isWrong, setWrong] = useState(false);
  const take = (typed: string) => {
    setText(typed);
    try {
      onChange(typed.trim() ? JSON.parse(typed) : null);
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  return (
    <textarea
      id={id}
      name={nameOf(element)}
      className={styles.input}
      rows={2}
      spellCheck={false}
      readOnly={readOnly}
      aria-invalid={invalid || isWrong || undefined}
      aria-describedby={describedBy}
      value={text}
      onChange={(event) => take(event.currentTarget.value)}
    />
  );
}
