import type { Column, EntityRecord, Json } from "../api/types";
import { getLocale, labelText } from "../i18n";

const locale = (): string => (getLocale() === "id" ? "id-ID" : "en-GB");

/** Whole rupiah have no minor digits: 150000 → "Rp 150.000". */
export function money(amount: number, currency: string): string {
  return new Intl.NumberFormat("id-ID", {
    style: "currency",
    currency,
    maximumFractionDigits: currency === "IDR" ? 0 : 2,
  }).format(amount);
}

/** Bits a second in the units people say: 10000000 → "10 Mbps". */
export function rate(bits: number): string {
  for (const [unit, size] of [
    ["Gbps", 1e9],
    ["Mbps", 1e6],
    ["kbps", 1e3],
  ] as const) {
    if (bits >= size) return `${Number((bits / size).toFixed(2))} ${unit}`;
  }
  return `${bits} bps`;
}

/** Returns the value behind a column's path: `plan.name` walks an expanded relation. */
export function valueAt(record: EntityRecord, path: string): Json {
  let value: Json = record;
  for (const name of path.split(".")) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
    value = value[name] ?? null;
  }
  return value;
}

/** Returns the text of a cell; empty for no value. */
export function cellText(column: Column, value: Json): string {
  if (value === null || value === undefined) return "";
  const { options = {} } = column;
  switch (column.type) {
    case "money":
      return money(Number(value), String(options.currency ?? "IDR"));
    case "rate":
      return rate(Number(value));
    case "boolean":
      return value ? "✓" : "–";
    case "date":
      return new Date(`${String(value)}T00:00:00`).toLocaleDateString(locale());
    case "datetime":
      return new Date(String(value)).toLocaleString(locale(), {
        dateStyle: "medium",
        timeStyle: "short",
      });
    case "choice":
      return choiceLabel(column, value);
    case "relation":
      return relationTitle(column, value);
  }
  if (Array.isArray(value)) return value.map((item) => textOf(item)).join(", ");
  return textOf(value);
}

const textOf = (value: Json): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);

function choiceLabel(column: Column, value: Json): string {
  const found = (column.options?.choices ?? []).find((choice) => choice.value === value);
  return labelText(found?.label, String(value));
}

function relationTitle(column: Column, value: Json): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return String(value);
  const title = value[String(column.options?.title_field ?? "name")];
  return String(title ?? value.id ?? "");
}
