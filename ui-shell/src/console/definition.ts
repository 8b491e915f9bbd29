import type { Json, JsonObject, Label } from "../api/types";

export type FieldDefinition = JsonObject & { id: string; name: string; type: string };
export type EntityDefinition = JsonObject & {
  id: string;
  name: string;
  fields: FieldDefinition[];
};
export type ServiceDefinition = JsonObject & {
  id: string;
  name: string;
  entities: EntityDefinition[];
};

export type FieldType = { name: string; label: Label };

/** A stable id never changes after, whatever is renamed. */
export const randomId = (): string =>
  `x${Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

export const newField = (): FieldDefinition => ({ id: randomId(), name: "", type: "text" });
export const newEntity = (): EntityDefinition => ({
  id: randomId(),
  name: "",
  fields: [{ ...newField(), name: "name", required: true, search: true }],
});

export function newService(): ServiceDefinition {
  return { $schema: "rangka:service/1", id: randomId(), name: "", entities: [newEntity()] };
}

/** Adds a menu entry for each entity that has none, so that a new list can be opened. */
export function withMenu(definition: ServiceDefinition): ServiceDefinition {
  const menu = objectOf(definition.menu);
  const items = Array.isArray(menu.items) ? menu.items : [];
  const named = new Set(items.map((item) => objectOf(item).entity));
  const missing = definition.entities.filter((entity) => entity.name && !named.has(entity.name));
  if (missing.length === 0) return definition;
  const added: JsonObject[] = missing.map((entity) => ({
    id: randomId(),
    name: entity.name,
    entity: entity.name,
    ...(entity.label ? { label: entity.label } : {}),
  }));
  return { ...definition, menu: { ...menu, items: [...items, ...added] } };
}

const objectOf = (value: Json | undefined): JsonObject =>
  value && typeof value === "object" && !Array.isArray(value) ? value : {};

/** Returns the English text of a label in a definition. */
export function labelOf(label: Json | undefined): string {
  if (typeof label === "string") return label;
  const text = objectOf(label).en;
  return typeof text === "string" ? text : "";
}

/** Sets the English text and keeps the other languages; no text at all: no label. */
export function withLabel<T extends JsonObject>(item: T, text: string): T {
  const { label, ...rest } = item;
  const { en: _, ...others } = typeof label === "object" ? objectOf(label) : {};
  const next: Label = text ? { ...others, en: text } : (others as { [locale: string]: string });
  return (Object.keys(next).length ? { ...rest, label: next } : rest) as T;
}

const OWN_COLUMNS = new Set(["id", "name", "label", "type", "required", "unique", "search"]);

/** Returns what a field's type wants beside the columns of the table. */
export const optionsOf = (field: FieldDefinition): JsonObject =>
  Object.fromEntries(Object.entries(field).filter(([name]) => !OWN_COLUMNS.has(name)));

export function withOptions(field: FieldDefinition, options: JsonObject): FieldDefinition {
  const own = Object.fromEntries(Object.entries(field).filter(([name]) => OWN_COLUMNS.has(name)));
  return { ...options, ...own } as FieldDefinition;
}
