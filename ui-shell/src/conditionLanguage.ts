/** The condition language over one record of API values, as the server answers it. */
import {
  answers, type Field, type Fields, type Key, LISTS, liesIn, MATCHES, NETWORKS, own, read, textOf, Unfit, wordsOf,
} from "./conditionValues";

export type { Field, Fields };
export type Operand = unknown;
export type Variables = (name: string, offset: number, unit: string) => string | null;
type Row = Readonly<Record<string, unknown>>;

const VARIABLE =
  /^\$(?:(now|today)(?:\(([+-]\d{1,5}) (second|minute|hour|day|week|month|year)s?\))?|((?:user|tenant)\.[a-z_]{1,40}))$/;
const UNKNOWN: Field = { type: "" };
const SYSTEM: Fields = {
  id: { type: "uuid" },
  version: { type: "integer" },
  created_at: { type: "datetime" },
  created_by: { type: "uuid" },
  updated_at: { type: "datetime" },
  updated_by: { type: "uuid" },
};
const MANY = new Set(["_in", "_nin", "_between"]);
const UNSET = Symbol("a variable without a value");
/** What its field could not store: it differs from every operand. */
const STRANGE: Key = { rank: "strange", value: "" };

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Returns whether a record meets a condition. `fields` says by name how values are
 * compared; `variables` gives the JSON value of `$now`, `$user.id` and the like.
 */
export function evaluate(raw: unknown, record: Row, fields: Fields, variables: Variables): boolean {
  return all(raw, { record, value: record, fields, field: null }, variables);
}

/** Where in the record a part of the condition stands; no field at the top. */
type Place = { record: Row; value: unknown; fields: Fields; field: Field | null };

function all(raw: unknown, place: Place, variables: Variables): boolean {
  if (!isRow(raw)) return false;
  const { value, fields, field } = place;
  return Object.entries(raw).every(([key, below]) => {
    const part = (item: unknown) => all(item, place, variables);
    if (key === "_and") return Array.isArray(below) && below.every(part);
    if (key === "_or") return Array.isArray(below) && below.some(part);
    if (key === "_not") return !part(below);
    if (key === "_some" || key === "_none") {
      const rows = Array.isArray(value) ? value.filter(isRow) : [];
      const met = rows.some((row) => evaluate(below, row, field?.fields ?? {}, variables));
      return met === (key === "_some");
    }
    if (!key.startsWith("_")) {
      const next = isRow(value) ? (value[key] ?? null) : null;
      const known = field === null ? (fields[key] ?? SYSTEM[key]) : undefined;
      return all(below, { ...place, value: next, field: known ?? UNKNOWN }, variables);
    }
    return compare(key, value ?? null, fill(below, variables), field ?? UNKNOWN);
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

function compare(operator: string, value: unknown, operand: Operand, field: Field): boolean {
  if (!answers(field.type, operator)) return false;
  const left = sideOf(field, value);
  if (operator === "_null") return (left === null) === operand;
  if (operand === null) return (left === null) === (operator === "_eq");
  try {
    if (!MANY.has(operator)) return met(operator, left, operand, field);
    if (!Array.isArray(operand)) return false;
    return metMany(operator, left, operand.map((item) => readable(field, operator, item)));
  } catch (error) {
    if (error instanceof Unfit) return false;
    throw error;
  }
}

/** Returns the record's side: one key, the words of a list, or null. */
function sideOf(field: Field, value: unknown): Key | string[] | null {
  if (value === null) return null;
  try {
    if (LISTS.has(field.type)) return wordsOf(field, value);
    return own(field, value);
  } catch (error) {
    if (error instanceof Unfit) return STRANGE;
    throw error;
  }
}

/** Returns an operand as a key, null for a variable without a value. */
function readable(field: Field, operator: string, operand: Operand): Key | null {
  return operand === UNSET ? null : read(field, operator, operand);
}

const keysOf = (side: Key | string[]): Key[] =>
  Array.isArray(side) ? side.map((value) => ({ rank: "text", value })) : [side];

function metMany(operator: string, left: Key | string[] | null, operands: (Key | null)[]): boolean {
  if (left === null) return operator === "_nin";
  if (operator === "_between") {
    const [low, high] = operands;
    if (!low || !high || Array.isArray(left)) return false;
    return ordered("_gte", left, low) && ordered("_lte", left, high);
  }
  const known = operands.filter((item) => item !== null);
  const found = keysOf(left).some((item) => known.some((other) => same(item, other)));
  return operator === "_in" ? found : !found && known.length === operands.length;
}

function met(operator: string, left: Key | string[] | null, operand: Operand, field: Field): boolean {
  if (LISTS.has(field.type) && operator !== "_contains") {
    const words = Array.isArray(operand) ? operand.map((word) => textOf(word)) : wordsOf(field, operand);
    return (JSON.stringify(left) === JSON.stringify(words)) === (operator === "_eq");
  }
  const right = readable(field, operator, operand);
  if (left === null) return operator === "_neq" && right !== null;
  if (right === null) return operator === "_neq";
  if (Array.isArray(left)) return operator === "_contains" && left.some((word) => word === right.value);
  if (!MATCHES.has(operator)) return ordered(operator, left, right);
  // As SQL reads it: a host lies in the network given, a network holds it.
  if (NETWORKS.has(field.type)) return field.type === "ip" ? liesIn(left, right) : liesIn(right, left);
  return matches(operator, left.value, right.value);
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

function matches(operator: string, value: unknown, part: unknown): boolean {
  if (typeof value !== "string" || typeof part !== "string") return false;
  if (operator === "_contains") return value.includes(part);
  if (operator === "_starts") return value.startsWith(part);
  return operator === "_ends" ? value.endsWith(part) : fold(value).includes(fold(part));
}

/** Each character by itself, as PostgreSQL lowers it. */
const fold = (text: string) => Array.from(text, (one) => Array.from(one.toLowerCase())[0]).join("");
