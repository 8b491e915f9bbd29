import { useState } from "react";
import { minorUnits } from "../list/filters";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";
import { nameOf } from "./values";

/** An amount as people write it; the value behind it is whole minor units. */
export function MoneyInput(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const { currency = "IDR", digits = 0 } = element.options ?? {};
  const [typed, setTyped] = useState(
    typeof value === "number" ? (value / 10 ** digits).toFixed(digits) : "",
  );
  return (
    <span className={styles.money}>
      <span aria-hidden="true">{currency}</span>
      <input
        id={id}
        name={nameOf(element)}
        className={styles.input}
        inputMode="decimal"
        aria-invalid={invalid || undefined}
        aria-describedby={describedBy}
        readOnly={readOnly}
        value={typed}
        onChange={(event) => {
          const next = event.currentTarget.value;
          setTyped(next);
          onChange(next.trim() ? (minorUnits(next, digits) ?? next) : null);
        }}
      />
    </span>
  );
}
