import type { Json, JsonObject, PropertySchema } from "../api/types";
import { wordsOf } from "../i18n";

/** Cells of one row that are still read as a table; beyond that it is looked at as JSON. */
const MOST_COLUMNS = 12;

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isScalar = (value: Json): boolean => typeof value !== "object" || value === null;

/** Whether a value goes into one cell: no object, and no list of other than scalars. */
export const isCell = (value: Json): boolean =>
  Array.isArray(value) ? value.every(isScalar) : isScalar(value);

/** Returns the columns of a list of flat objects, in the order they come; null for others. */
export function columnsOf(value: Json): string[] | null {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return null;
  const names = new Set<string>();
  for (const row of value) {
    for (const [name, cell] of Object.entries(row)) {
      if (!isCell(cell)) return null;
      names.add(name);
    }
  }
  return names.size > 0 && names.size <= MOST_COLUMNS ? [...names] : null;
}

/** `sentAt`, `sent_at` → `Sent at`: what a key of another application's answer is called. */
export const keyWords = (key: string): string =>
  wordsOf(key.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase());

type Schema = PropertySchema | undefined;

/** Returns what a schema says of a member, or of the items of a list (`null`). */
export function partOf(schema: Schema, name: string | null): Schema {
  for (const one of [schema, ...(schema?.anyOf ?? []), ...(schema?.oneOf ?? [])]) {
    const { items, properties, additionalProperties: others } = one ?? {};
    const found =
      name === null ? items : (properties?.[name] ?? (typeof others === "object" ? others : null));
    if (found) return found;
  }
  return undefined;
}

/** Returns what a member is called: a name as words, a key that is data itself as it is. */
export const memberName = (schema: Schema, name: string): string => {
  const isData = partOf(schema, name) && !isNamed(schema, name);
  return isData ? name : keyWords(name);
};

const isNamed = (schema: Schema, name: string): boolean =>
  [schema, ...(schema?.anyOf ?? []), ...(schema?.oneOf ?? [])].some(
    (one) => one?.properties?.[name],
  );

const UNITS = ["bytes", "rate", "seconds"] as const;

/** Returns the unit that a number is shown in, by the `format` of its schema. */
export const unitOf = (schema: Schema, value: Json): (typeof UNITS)[number] | null =>
  (typeof value === "number" && UNITS.find((unit) => unit === schema?.format)) || null;

/** Whether a text is the server's own words, which are said in the language of the page. */
export const isSentence = (schema: Schema): boolean => schema?.format === "sentence";

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/** Whether a text is a moment with its zone, which is shown in the reader's own. */
export const isMoment = (text: string): boolean =>
  MOMENT.test(text) && !Number.isNaN(Date.parse(text));
