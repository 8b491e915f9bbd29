import type { Json, JsonObject } from "../api/types";
import { isObject } from "../json/shapes";

/** What says which thing a definition is of; it is looked for at the top. */
const HEAD = ["$schema", "id", "value", "name", "type", "label", "label_plural", "description"];
/** Parts that are definitions themselves. In others, such as a schema, order may matter. */
const PARTS = new Set(["entities", "fields", "endpoints", "roles", "menu", "items", "children"]);

/** Returns a definition with its keys as an author writes them; the database keeps no order. */
export function inReadingOrder<T>(definition: T): T {
  return ordered(definition as Json) as T;
}

function ordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isObject(value)) return value;
  const names = [...HEAD.filter((name) => name in value), ...Object.keys(value)];
  const result: JsonObject = {};
  for (const name of names) {
    const part = value[name] ?? null;
    result[name] = PARTS.has(name) ? ordered(part) : part;
  }
  return result;
}
