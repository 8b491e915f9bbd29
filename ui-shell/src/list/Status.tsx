import type { Column, Json } from "../api/types";
import { cellText } from "./format";
import styles from "./List.module.css";

/** A choice in words, with its colour beside it: the colour alone says nothing. */
export function Status({ column, value }: { column: Column; value: Json }) {
  const choice = column.options?.choices?.find((item) => item.value === value);
  return (
    <span className={styles.status}>
      {choice?.color && (
        <svg className={styles.dot} width={8} height={8} aria-hidden="true">
          <circle cx={4} cy={4} r={4} fill={choice.color} />
        </svg>
      )}
      {cellText(column, value)}
    </span>
  );
}
