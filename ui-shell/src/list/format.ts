import type { Column, EntityRecord, Json, PropertySchema } from "../api/types";
import { titleFieldOf, titleOf } from "../api/useTitle";
import { getLocale, labelText, t } from "../i18n";
import { isCell, isObject, memberName, partOf, unitOf } from "../json/shapes";
import { getZone } from "../zone";

const locale = (): string => (getLocale() === "id" ? "id-ID" : "en-GB");

/** Minor units as people write them: 150000 rupiah → "Rp 150.000", 1250 cents → "US$ 12,50". */
export function money(amount: number, currency: string, digits = minorDigits(currency)): string {
  return new Intl.NumberFormat(locale(), {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount / 10 ** digits);
}

/** Rupiah are counted whole; of others the browser knows how many digits follow the point. */
function minorDigits(currency: string): number {
  if (currency === "IDR") return 0;
  const options = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return options.maximumFractionDigits ?? 2;
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

/** Bytes in the units people say: 883381824 → "883.4 MB". */
export function bytes(amount: number): string {
  for (const [unit, size] of [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ] as const) {
    const text = (amount / size).toLocaleString(locale(), { maximumFractionDigits: 1 });
    if (amount >= size) return `${text} ${unit}`;
  }
  return `${amount} B`;
}

const SPANS = [
  ["unit.days", 86_400],
  ["unit.hours", 3600],
  ["unit.minutes", 60],
  ["unit.seconds", 1],
] as const;

/** Seconds in the two largest units that are not empty: 11520 → "3 h 12 m". */
export function duration(seconds: number): string {
  if (seconds < 1) return t("unit.seconds", { count: seconds });
  let rest = seconds;
  const parts = SPANS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { unit, count };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(({ count }) => count > 0)
    .map(({ unit, count }) => t(unit, { count: count.toLocaleString(locale()) }))
    .join(" ");
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
      return money(Number(value), String(options.currency ?? "IDR"), options.digits);
    case "integer":
      if (unitOf(column.schema, value)) return scalarText(value, column.schema);
      if (column.schema?.format === "plain") return textOf(value);
      // A year is no amount: four digits are read without a mark.
      return typeof value === "number" ? short(value) : number(value);
    case "decimal":
      return number(value);
    case "percent":
      return `${number(value)} %`;
    case "geo_point":
      return pointText(value);
    case "secret":
      return "••••••";
    case "bytes":
      return bytes(Number(value));
    case "rate":
      return rate(Number(value));
    case "seconds":
      return duration(Number(value));
    case "boolean":
      return value ? "✓" : "–";
    case "date":
      return new Date(`${String(value)}T00:00:00`).toLocaleDateString(locale(), {
        dateStyle: "medium",
      });
    case "datetime":
      return new Date(String(value)).toLocaleString(locale(), {
        dateStyle: "medium",
        timeStyle: "short",
        timeZone: getZone(),
      });
    case "choice":
      return choiceLabel(column, value);
    case "relation":
      return relationTitle(column, value);
  }
  if (Array.isArray(value)) return value.map((item) => textOf(item)).join(", ");
  return textOf(value, column.schema);
}

/** The exact number behind one that is shown in a larger unit; undefined for others. */
export function exactText({ type, schema }: Column, value: Json): string | undefined {
  const sign = EXACT[unitOf(schema, value) ?? type];
  return sign && typeof value === "number" ? `${value} ${sign}` : undefined;
}

const EXACT: { [unit: string]: string } = { bytes: "B", rate: "bit/s", seconds: "s" };

/** A number with the separators of the locale; a decimal keeps the digits it came with. */
export function number(value: Json): string {
  const text = String(value);
  const digits = /\.(\d+)$/.exec(text)?.[1]?.length ?? 0;
  const parsed = Number(text);
  return Number.isNaN(parsed)
    ? text
    : parsed.toLocaleString(locale(), { minimumFractionDigits: digits });
}

const short = (value: number): string =>
  value.toLocaleString(locale(), { useGrouping: Math.abs(value) >= 10_000 });

function pointText(value: Json): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return String(value);
  return `${Number(value.lat).toFixed(5)}, ${Number(value.lng).toFixed(5)}`;
}

/** A flat object in words, `Pool: 2, Secret: 6`; one with more in it as it is. */
function textOf(value: Json, schema?: PropertySchema): string {
  if (typeof value !== "object" || value === null) return scalarText(value, schema);
  if (!isObject(value) || !Object.values(value).every(isCell)) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, item]) => {
      const part = partOf(schema, name);
      const items = Array.isArray(item)
        ? item.map((one) => scalarText(one, partOf(part, null))).join(" / ")
        : scalarText(item, part);
      return `${memberName(schema, name)}: ${items}`;
    })
    .join(", ");
}

/** A number in the unit that its schema names; the rest as it is. */
export function scalarText(value: Json, schema: PropertySchema | undefined): string {
  const unit = unitOf(schema, value);
  return unit ? cellText({ field: "", type: unit }, value) : String(value);
}

function choiceLabel(column: Column, value: Json): string {
  const found = (column.options?.choices ?? []).find((choice) => choice.value === value);
  return labelText(found?.label, String(value));
}

/** Lists ask for every target; one that stays an id is one that this user may not read. */
function relationTitle(column: Column, value: Json): string {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return t("record.notVisible");
  return titleOf(value, titleFieldOf(column.options));
}
