import type { Column, Json, JsonObject } from "../api/types";

/** One line of the filter builder: a field, how it is compared, and with what. */
export type Clause = { field: string; operator: string; value: Json };
export type Clauses = { any: boolean; clauses: Clause[] };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the clauses of a condition, or null for one that is nested deeper than lines. */
export function clausesOf(filter: JsonObject): Clauses | null {
  const names = Object.keys(filter);
  if (names.length === 1 && Array.isArray(filter._or)) {
    const parts = filter._or.map((part) => (isObject(part) ? linesOf(part) : null));
    if (parts.some((lines) => lines?.length !== 1)) return null;
    return { any: true, clauses: parts.flatMap((lines) => lines ?? []) };
  }
  const clauses = linesOf(filter);
  return clauses && { any: false, clauses };
}

function linesOf(filter: JsonObject): Clause[] | null {
  const clauses: Clause[] = [];
  for (const [field, test] of Object.entries(filter)) {
    if (field === "_and" && Array.isArray(test)) {
      for (const part of test) {
        const inner = isObject(part) ? linesOf(part) : null;
        if (!inner) return null;
        clauses.push(...inner);
      }
    } else if (field.startsWith("_") || !isObject(test)) {
      return null;
    } else {
      for (const [operator, value] of Object.entries(test)) {
        if (!operator.startsWith("_") || ["_some", "_none", "_not"].includes(operator)) return null;
        clauses.push({ field, operator, value });
      }
    }
  }
  return clauses;
}

/** Returns the condition of some lines; two lines on one field are both kept. */
export function filterOf({ any, clauses }: Clauses): JsonObject {
  const parts = clauses.map(({ field, operator, value }) => ({ [field]: { [operator]: value } }));
  if (parts.length === 0) return {};
  if (any && parts.length > 1) return { _or: parts };
  const fields = new Set(clauses.map(({ field }) => field));
  return fields.size === clauses.length ? Object.assign({}, ...parts) : { _and: parts };
}

/** Returns the records that a filter names: what is made from its list begins with them. */
export function namedBy(filter: JsonObject, columns: readonly Column[]): JsonObject {
  const { any, clauses } = clausesOf(filter) ?? { any: true, clauses: [] };
  const named = clauses.filter(
    ({ field, operator }) =>
      operator === "_eq" &&
      columns.some((column) => column.field === field && column.type === "relation"),
  );
  return any ? {} : Object.fromEntries(named.map(({ field, value }) => [field, value]));
}

/** Returns the operators a person is offered, the likeliest first. */
export function offeredOperators(type: string, operators: readonly string[]): string[] {
  const order =
    type === "date" || type === "datetime"
      ? ["_gte", "_lte", "_between", "_eq", "_null"]
      : type === "boolean"
        ? ["_eq", "_null"]
        : type === "choice" || type === "relation"
          ? ["_eq", "_neq", "_in", "_null"]
          : ["_icontains", "_eq", "_neq", "_starts", "_gte", "_lte", "_between", "_null"];
  const offered = order.filter((operator) => operators.includes(operator));
  const rest = ["_has_any", "_some"].filter((operator) => operators.includes(operator));
  return offered.length ? offered : rest.length ? rest : [...operators];
}

/** Sorts by one more key: none → up → down → none; without `add` it becomes the only key. */
export function nextSort(sort: string, field: string, add: boolean): string {
  const keys = sort ? sort.split(",") : [];
  const at = keys.findIndex((key) => key.replace(/^-/, "") === field);
  const now = keys[at];
  const next = now === undefined ? field : now === field ? `-${field}` : null;
  if (!add) return next ?? field;
  const kept = keys.filter((_, index) => index !== at);
  if (next) kept.splice(at < 0 ? kept.length : at, 0, next);
  return kept.join(",");
}

const RELATIVE = /^\$(?:now|today)(?:\((-?\d+) days?\))?$/;
const DAY = 86_400_000;
const TIMES = new Set(["date", "datetime"]);
const NUMBERS = new Set(["integer", "decimal", "money", "percent", "rate", "bytes"]);

const isRelative = (value: Json | undefined): boolean => RELATIVE.test(String(value));

/** Returns what a value weighs among others of its type; NaN where that is not known. */
function weightOf(type: string, value: Json | undefined): number {
  if (value === null || value === undefined || value === "") return Number.NaN;
  if (NUMBERS.has(type)) return Number(value);
  if (!TIMES.has(type)) return Number.NaN;
  const relative = RELATIVE.exec(String(value));
  return relative ? Date.now() + Number(relative[1] ?? 0) * DAY : Date.parse(String(value));
}

/** Whether a range of numbers or times ends before it begins, so that nothing is in it. */
export function isReversed(type: string, from: Json | undefined, to: Json | undefined): boolean {
  // Where in its day a relative time lies is the server's to know.
  const slack = isRelative(from) === isRelative(to) ? 0 : DAY;
  return weightOf(type, from) > weightOf(type, to) + slack;
}

/** Returns the fields whose lines leave no value: a range that ends before it begins. */
export function reversedFields(
  { any, clauses }: Clauses,
  typeOf: (field: string) => string,
): string[] {
  const bounds = (field: string, operator: string) =>
    clauses
      .filter((clause) => clause.field === field && clause.operator === operator)
      .map((clause) => clause.value);
  const found = clauses.filter(({ field, operator, value }) =>
    operator === "_between"
      ? Array.isArray(value) && isReversed(typeOf(field), value[0], value[1])
      : operator === "_gte" &&
        !any &&
        bounds(field, "_lte").some((to) => isReversed(typeOf(field), value, to)),
  );
  return [...new Set(found.map(({ field }) => field))];
}
