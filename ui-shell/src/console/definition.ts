import type { Json, JsonObject, Label, PropertySchema } from "../api/types";

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

export type FieldType = {
  name: string;
  label: Label;
  description: Label;
  schema: PropertySchema;
};

/** A stable id never changes after, whatever is renamed. */
export const randomId = (): string =>
  `x${Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

export const newField = (): FieldDefinition => ({ id: randomId(), name: "", type: "text" });
export const newEntity = (): EntityDefinition => ({
  id: randomId(),
  name: "",
  fields: [
    { ...newField(), name: "name", label: { en: "Name" }, required: true, search: true },
  ],
});

export function newService(): ServiceDefinition {
  return { $schema: "rangka:service/1", id: randomId(), name: "", entities: [newEntity()] };
}

/** Adds a menu entry for each entity and endpoint that has none, so that it can be opened. */
export function withMenu(definition: ServiceDefinition): ServiceDefinition {
  const menu = objectOf(definition.menu);
  const items = Array.isArray(menu.items) ? menu.items : [];
  const endpoints = Array.isArray(definition.endpoints) ? definition.endpoints : [];
  const added = [
    ...missingFrom(items, "entity", definition.entities),
    ...missingFrom(items, "endpoint", endpoints.map(objectOf)),
  ];
  if (added.length === 0) return definition;
  return { ...definition, menu: { ...menu, items: [...items, ...added] } };
}

function missingFrom(
  items: readonly Json[],
  kind: "entity" | "endpoint",
  named: readonly JsonObject[],
): JsonObject[] {
  const known = new Set(items.map((item) => objectOf(item)[kind]));
  return named
    .filter(({ name }) => typeof name === "string" && name !== "" && !known.has(name))
    .map(({ name = "", label }) => ({
      id: randomId(),
      name,
      [kind]: name,
      ...(label ? { label } : {}),
    }));
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

const COMMON = [
  "id",
  "name",
  "label",
  "help",
  "type",
  "required",
  "unique",
  "index",
  "search",
  "readonly",
  "immutable",
];

/** A computed value can neither be demanded nor given. */
export const COMPUTED_WITHOUT: readonly string[] = ["required", "unique", "default"];

/** Returns the field with another type: what only the old type understood goes. */
export function withType(field: FieldDefinition, type: string): FieldDefinition {
  const refused = type === "computed" ? COMPUTED_WITHOUT : [];
  const common = Object.entries(field).filter(
    ([name]) => COMMON.includes(name) && !refused.includes(name),
  );
  const start: JsonObject =
    type === "lines"
      ? { fields: [newField()] }
      : type === "computed"
        ? { result: { type: "decimal" } }
        : {};
  return { ...(Object.fromEntries(common) as FieldDefinition), ...start, type };
}

/** Returns the fields of each line; null when the form cannot show them. */
export function innerFields(field: FieldDefinition): FieldDefinition[] | null {
  const inner = field.fields ?? [];
  const isField = (item: Json) =>
    [objectOf(item).id, objectOf(item).name, objectOf(item).type].every(
      (part) => typeof part === "string",
    );
  return Array.isArray(inner) && inner.every(isField) ? (inner as FieldDefinition[]) : null;
}

/** Sets one option; null takes it away, and so brings its default back. */
export function withOption(field: FieldDefinition, name: string, value: Json): FieldDefinition {
  const { [name]: _, ...rest } = field;
  return (value === null ? rest : { ...rest, [name]: value }) as FieldDefinition;
}

/** `Nomor KTP` → `nomor_ktp`: a name the API and the database accept. */
export function nameFrom(label: string, longest = 63): string {
  const words = label
    .normalize("NFKD")
    .replaceAll(/\p{Mark}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^[_0-9]+|_+$/g, "");
  return words.slice(0, longest);
}

/** Sets the label, and the name with it as long as nobody chose another name. */
export function named<T extends JsonObject & { name: string }>(
  item: T,
  text: string,
  isKept: boolean,
  longest?: number,
): T {
  const follows = !isKept && item.name === nameFrom(labelOf(item.label), longest);
  const labelled = withLabel(item, text);
  return follows ? { ...labelled, name: nameFrom(text, longest) } : labelled;
}

/** Every stable id in a definition. */
export const idsOf = (definition: ServiceDefinition | null): ReadonlySet<string> =>
  new Set([
    ...(Array.isArray(definition?.endpoints) ? definition.endpoints : []).map((item) =>
      String(objectOf(item).id),
    ),
    ...(definition?.entities ?? []).flatMap((entity) => [
      entity.id,
      ...entity.fields.flatMap((field) => [
        field.id,
        ...(innerFields(field) ?? []).map((inner) => inner.id),
      ]),
    ]),
  ]);

/** Moves the targets of relations, also of those within lines. */
function retargeted(field: FieldDefinition, move: (target: string) => string): FieldDefinition {
  const inner = field.type === "lines" ? innerFields(field) : null;
  return {
    ...field,
    ...(typeof field.to === "string" ? { to: move(field.to) } : {}),
    ...(inner ? { fields: inner.map((item) => retargeted(item, move)) } : {}),
  };
}

const pointsAt = (definition: ServiceDefinition, entity: string) => `${definition.name}.${entity}`;

/** Puts a changed entity in; a new name reaches the menu and the relations to it. */
export function withEntity(
  definition: ServiceDefinition,
  next: EntityDefinition,
): ServiceDefinition {
  const old = definition.entities.find((item) => item.id === next.id);
  const replaced = definition.entities.map((item) => (item.id === next.id ? next : item));
  if (!old || old.name === next.name || !old.name) return { ...definition, entities: replaced };
  const from = pointsAt(definition, old.name);
  const after = pointsAt(definition, next.name);
  const entities = replaced.map((entity) => ({
    ...entity,
    fields: entity.fields.map((field) => retargeted(field, (to) => (to === from ? after : to))),
  }));
  return withMenuItems({ ...definition, entities }, (items) =>
    items.map((item) => (item.entity === old.name ? { ...item, entity: next.name } : item)),
  );
}

export const withoutEntity = (definition: ServiceDefinition, id: string): ServiceDefinition => {
  const gone = definition.entities.find((item) => item.id === id);
  const entities = definition.entities.filter((item) => item.id !== id);
  return withMenuItems({ ...definition, entities }, (items) =>
    items.filter((item) => item.entity !== gone?.name),
  );
};

function withMenuItems(
  definition: ServiceDefinition,
  change: (items: JsonObject[]) => JsonObject[],
): ServiceDefinition {
  const menu = objectOf(definition.menu);
  if (!Array.isArray(menu.items)) return definition;
  return { ...definition, menu: { ...menu, items: change(menu.items.map(objectOf)) } };
}

/** Renames a service that was never stored; relations within it follow. */
export function renamed(definition: ServiceDefinition, next: ServiceDefinition): ServiceDefinition {
  const start = `${definition.name}.`;
  if (definition.name === next.name || !definition.name) return next;
  const entities = next.entities.map((entity) => ({
    ...entity,
    fields: entity.fields.map((field) =>
      retargeted(field, (to) =>
        to.startsWith(start) ? `${next.name}.${to.slice(start.length)}` : to,
      ),
    ),
  }));
  return { ...next, entities };
}
