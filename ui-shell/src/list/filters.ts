import type { Json, JsonObject } from "../api/types";

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
