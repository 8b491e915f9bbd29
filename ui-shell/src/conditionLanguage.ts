/** The condition language over one record of API values, as the server answers it. */

export type Operand = unknown;
export type Variables = (name: string, offset: number, unit: string) => string | null;
export type Kinds = Readonly<Record<string, string>>;
type Row = Readonly<Record<string, unknown>>;
type Key = { rank: string; value: bigint | string | boolean };

const VARIABLE =
  /^\$(?:(now|today)(?:\(([+-]\d{1,5}) (second|minute|hour|day|week|month|year)s?\))?|((?:user|tenant)\.[a-z_]{1,40}))$/;
const NUMBERS = new Set(["integer", "money", "decimal", "percent", "rate", "bytes"]);
const WHOLE = new Set(["integer", "money", "rate", "bytes"]);
const LISTS = new Set(["tags", "multi_choice"]);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const UNSET = Symbol("a variable without a value");

/** A value cannot be compared with values of its field: the comparison is not met. */
class Unfit extends Error {}

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Returns whether a record meets a condition. `kinds` gives the field type by name;
 * `variables` the JSON value of `$now`, `$user.id` and the like.
 */
export function evaluate(raw: unknown, record: Row, kinds: Kinds, variables: Variables): boolean {
  return all(raw, record, record, "", kinds, variables);
}

function all(
  raw: unknown, record: Row, value: unknown, name: string, kinds: Kinds, variables: Variables,
): boolean {
  if (!isRow(raw)) return false;
  return Object.entries(raw).every(([key, below]) => {
    const part = (item: unknown) => all(item, record, value, name, kinds, variables);
    if (key === "_and") return Array.isArray(below) && below.every(part);
    if (key === "_or") return Array.isArray(below) && below.some(part);
    if (key === "_not") return !part(below);
    if (key === "_some" || key === "_none") {
      const rows = Array.isArray(value) ? value.filter(isRow) : [];
      const met = rows.some((row) => all(below, row, row, "", {}, variables));
      return met === (key === "_some");
    }
    if (!key.startsWith("_")) {
      const next = isRow(value) ? (value[key] ?? null) : null;
      return all(below, record, next, value === record ? key : "", kinds, variables);
    }
    return compare(key, value ?? null, fill(below, variables), kinds[name]);
  });
}

function fill(operand: Operand, variables: Variables): Operand {
  if (Array.isArray(operand)) return operand.map((item) => fill(item, variables));
  if (typeof operand !== "string" || !operand.startsWith("$")) return operand;
  if (operand.startsWith("$$")) return operand.slice(1);
  const match = VARIABLE.exec(operand);
  if (!match) return UNSET;
  const name = match[1] ?? match[4] ?? "";
  return variables(name, Number(match[2] ?? 0), match[3] ?? "day") ?? UNSET;
}

function compare(operator: string, value: unknown, operand: Operand, kind = ""): boolean {
  if (operator === "_null") return (value === null) === operand;
  if (operand === null) return (value === null) === (operator === "_eq");
  if (value === null) {
    return operator === "_nin" || (operator === "_neq" && operand !== UNSET);
  }
  try {
    return met(operator, value, operand, kind);
  } catch (error) {
    if (error instanceof Unfit) return false;
    throw error;
  }
}

function met(operator: string, value: unknown, operand: Operand, kind: string): boolean {
  const items = Array.isArray(value) ? value : [value];
  const listed = Array.isArray(operand) ? operand : [operand];
  if (operator === "_in" || operator === "_nin") {
    const known = listed.filter((item) => item !== UNSET).map((item) => read(kind, item));
    const found = items.some((item) => known.some((other) => same(read(kind, item), other)));
    return operator === "_in" ? found : !found && known.length === listed.length;
  }
  if (operator === "_between") {
    const [low, high] = listed;
    return met("_gte", value, low, kind) && met("_lte", value, high, kind);
  }
  if (operand === UNSET) return operator === "_neq";
  if (LISTS.has(kind)) {
    if (operator === "_contains") return items.includes(operand);
    if (!Array.isArray(operand)) return false;
    return (JSON.stringify(value) === JSON.stringify(operand)) === (operator === "_eq");
  }
  if (["_contains", "_icontains", "_starts", "_ends"].includes(operator)) {
    return matches(operator, value, operand, kind);
  }
  return ordered(operator, read(kind, value), read(kind, operand));
}

function ordered(operator: string, left: Key, right: Key): boolean {
  if (operator === "_eq") return same(left, right);
  if (operator === "_neq") return !same(left, right);
  if (left.rank !== right.rank || left.rank === "boolean") return false;
  const order = byCodePoint(left.value, right.value);
  if (operator === "_lt") return order < 0;
  if (operator === "_lte") return order <= 0;
  return operator === "_gt" ? order > 0 : order >= 0;
}

const same = (left: Key, right: Key) => left.rank === right.rank && left.value === right.value;

function byCodePoint(left: Key["value"], right: Key["value"]): number {
  if (typeof left !== "string" || typeof right !== "string") {
    return left < right ? -1 : Number(left > right);
  }
  const one = [...left];
  const other = [...right];
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const difference = one[at]!.codePointAt(0)! - other[at]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

function matches(operator: string, value: unknown, part: unknown, kind: string): boolean {
  if (kind === "choice" || typeof value !== "string" || typeof part !== "string") return false;
  if (operator === "_contains") return value.includes(part);
  if (operator === "_starts") return value.startsWith(part);
  return operator === "_ends" ? value.endsWith(part) : fold(value).includes(fold(part));
}

/** Each character by itself, as PostgreSQL lowers it. */
const fold = (text: string) => Array.from(text, (one) => Array.from(one.toLowerCase())[0]).join("");

function read(kind: string, value: unknown): Key {
  if (NUMBERS.has(kind)) return { rank: "number", value: exact(value, WHOLE.has(kind)) };
  if (kind === "datetime") return { rank: "instant", value: instant(value) };
  if (kind === "boolean") {
    if (typeof value === "boolean") return { rank: "boolean", value };
    if (value === "true" || value === "false") return { rank: "boolean", value: value === "true" };
    throw new Unfit();
  }
  if (kind === "" && typeof value === "number") return { rank: "number", value: exact(value, false) };
  if (kind === "" && typeof value === "boolean") return { rank: "boolean", value };
  if (typeof value !== "string") throw new Unfit();
  if (kind === "date" && !isDay(value)) throw new Unfit();
  if ((kind === "uuid" || kind === "relation") && !UUID.test(value)) throw new Unfit();
  return { rank: "text", value };
}

/** Returns a number, or a text of digits, in units of 1e-20, so that nothing is lost. */
function exact(value: unknown, whole: boolean): bigint {
  const text = typeof value === "number" ? plain(value) : value;
  const match = typeof text === "string" ? /^(-?)(\d{1,40})(?:\.(\d{1,20}))?$/.exec(text) : null;
  if (!match || (whole && match[3])) throw new Unfit();
  const digits = BigInt(match[2] + (match[3] ?? "").padEnd(20, "0"));
  return match[1] ? -digits : digits;
}

const plain = (value: number) =>
  String(value).includes("e") ? value.toFixed(20).replace(/0+$/, "").replace(/\.$/, "") : String(value);

function isDay(text: string): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  return day !== null && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Returns microseconds since 1970; a day alone is its start in UTC. */
function instant(value: unknown): bigint {
  if (typeof value !== "string") throw new Unfit();
  const text = isDay(value) ? `${value}T00:00:00Z` : value.toUpperCase();
  const match =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match || !isDay(match[1]!)) throw new Unfit();
  const seconds = Date.parse(`${match[1]}T${match[2]}${match[4]}`);
  if (Number.isNaN(seconds)) throw new Unfit();
  return BigInt(seconds) * 1000n + BigInt((match[3] ?? "").padEnd(6, "0").slice(0, 6));
}
