import { useState } from "react";
import type { Json } from "../api/types";
import { minorUnits, plainNumber, quantity, shownNumber, shownQuantity } from "../number";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";
import { nameOf } from "./values";

/** A number, or an amount, as people write it; leaving it shows how it was understood. */
export function NumberInput(props: InputProps) {
  const { id, element, schema, value, readOnly, invalid, describedBy, onChange } = props;
  const options = element.options ?? {};
  const type = String(options.type);
  const digits = type === "money" ? (options.digits ?? 0) : type === "integer" ? 0 : 20;
  const show = (one: Json) =>
    schema.format === "plain" ? String(one ?? "") : shown(one, type, digits);
  const [typed, setTyped] = useState(() => show(value));
  const read = (text: string): Json => {
    if (!text.trim()) return null;
    if (type === "money") return minorUnits(text, digits) ?? text;
    if (type === "rate" || type === "bytes") return quantity(text, type) ?? text;
    const plain = plainNumber(text, digits);
    if (plain === null) return text;
    return type === "integer" && Number.isSafeInteger(Number(plain)) ? Number(plain) : plain;
  };
  const input = (
    <input
      id={id}
      name={nameOf(element)}
      className={styles.input}
      inputMode={type === "rate" || type === "bytes" ? "text" : "decimal"}
      aria-invalid={invalid || undefined}
      aria-describedby={describedBy}
      readOnly={readOnly}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        onChange(read(event.currentTarget.value));
      }}
      onBlur={() => setTyped((text) => show(read(text)))}
    />
  );
  const unit = type === "money" ? (options.currency ?? "IDR") : type === "percent" ? "%" : "";
  if (!unit) return input;
  return (
    <span className={styles.money}>
      {type === "money" && <span aria-hidden="true">{unit}</span>}
      {input}
      {type === "percent" && <span aria-hidden="true">{unit}</span>}
    </span>
  );
}

function shown(value: Json, type: string, digits: number): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return shownNumber(String(value));
  if (type === "rate" || type === "bytes") return shownQuantity(value, type);
  // A year is no amount: four digits are read without a mark.
  if (type === "integer" && Math.abs(value) < 10_000) return String(value);
  if (type !== "money") return shownNumber(String(value));
  return shownNumber((value / 10 ** digits).toFixed(digits), digits);
}
