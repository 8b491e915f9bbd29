import type { EntityRecord, Json, JsonObject, PropertySchema, UiElement } from "../api/types";

/** Returns the name of the property a control stands for. */
export const nameOf = (element: UiElement): string => element.scope?.split("/").at(-1) ?? "";

/** A default such as "$now" is the server's to fill in. */
function constantOf(property: PropertySchema): Json | undefined {
  const { default: value, readOnly } = property;
  return readOnly || (typeof value === "string" && value.startsWith("$")) ? undefined : value;
}

/** Returns what a form begins with; a new record, with what is `given` of it. */
export function initialValues(
  schema: PropertySchema,
  record: EntityRecord | null,
  given: JsonObject = {},
): JsonObject {
  const values: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const own = property.readOnly ? undefined : given[name];
    const value = record ? record[name] : (own ?? constantOf(property));
    if (value !== undefined) values[name] = value;
  }
  return values;
}

const same = (left: Json | undefined, right: Json | undefined): boolean =>
  JSON.stringify(left ?? null) === JSON.stringify(right ?? null);

const isRow = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const rowsOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isRow) : [];

/**
 * Rows come with columns that only the server fills in, such as computed ones, and it
 * takes none of them back. What a person has put into a row is never left out.
 */
function withoutServed(property: PropertySchema, start: Json | undefined, value: Json): Json {
  const items = property.items ?? property.anyOf?.find((one) => one.items)?.items;
  const known = items?.properties;
  if (!known || items.additionalProperties !== false || !Array.isArray(value)) return value;
  const served = new Set(rowsOf(start).flatMap(Object.keys).filter((name) => !(name in known)));
  const sent = ([name]: [string, Json]) => !served.has(name);
  return value.map((row) =>
    isRow(row) ? Object.fromEntries(Object.entries(row).filter(sent)) : row,
  );
}

/** Returns what differs from the start; read-only properties are never sent. */
export function changesOf(
  schema: PropertySchema,
  start: JsonObject,
  values: JsonObject,
): JsonObject {
  const changes: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.readOnly || same(start[name], values[name])) continue;
    changes[name] = withoutServed(property, start[name], values[name] ?? null);
  }
  return changes;
}

/** Returns the body of a new record: everything that has a value. */
export function bodyOf(schema: PropertySchema, values: JsonObject): JsonObject {
  const body: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = values[name];
    if (!property.readOnly && value !== undefined && value !== null) body[name] = value;
  }
  return body;
}

/** Returns every control of a UI schema, in the order in which they stand. */
export function controlsOf(element: UiElement): { name: string; element: UiElement }[] {
  if (element.type === "Control") return [{ name: nameOf(element), element }];
  return (element.elements ?? []).flatMap(controlsOf);
}

/** Leaves out what only the server writes: in a new record there is nothing to see yet. */
export function withoutReadOnly(element: UiElement, schema: PropertySchema): UiElement {
  if (!element.elements) return element;
  const elements = element.elements
    .filter(
      (child) =>
        child.type !== "Control" ||
        !(child.options?.readonly || schema.properties?.[nameOf(child)]?.readOnly),
    )
    .map((child) => withoutReadOnly(child, schema))
    .filter((child) => !child.elements || child.elements.length > 0);
  return { ...element, elements };
}

/** Whether a control is of an immutable field that has its value already, and keeps it. */
export const isKept = (element: UiElement, stored: JsonObject | null): boolean =>
  Boolean(element.options?.immutable) && (stored?.[nameOf(element)] ?? null) !== null;

/**
 * Whether a form has nothing that people fill in: all of it is written by the server, or
 * stands as it was `stored`.
 */
export const isServed = (
  ui: UiElement,
  schema: PropertySchema,
  stored: JsonObject | null = null,
): boolean =>
  controlsOf(ui).every(
    ({ name, element }) =>
      element.options?.readonly ||
      schema.properties?.[name]?.readOnly ||
      isKept(element, stored),
  );
