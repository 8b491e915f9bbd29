import { type Schema, Validator } from "@cfworker/json-schema";
import type { Detail, JsonObject, PropertySchema } from "../api/types";
import { type TextKey, t } from "../i18n";
import { brokenRules, type Ruled } from "./rules";
import { bodyOf, changesOf } from "./values";

const WORDS: { [keyword: string]: TextKey } = {
  required: "form.bad_required",
  type: "form.bad_format",
  format: "form.bad_format",
  pattern: "form.bad_format",
  minimum: "form.bad_minimum",
  maximum: "form.bad_maximum",
  exclusiveMinimum: "form.bad_above",
  exclusiveMaximum: "form.bad_below",
  minLength: "form.bad_minLength",
  maxLength: "form.bad_maxLength",
  minItems: "form.bad_minItems",
  maxItems: "form.bad_maxItems",
  enum: "form.bad_choice",
  const: "form.bad_choice",
  not: "form.bad_required",
};

// Keywords that only pass on what is wrong below them.
const PASSING = new Set(["properties", "allOf", "anyOf", "oneOf", "if", "then", "else", "items", "$ref"]);
const NAMING = new Set(["required", "additionalProperties"]);

/** Returns what the server has against what the form would send, one finding a field.
 *
 * `start` holds the values of the record that is edited, null for a new one. As on the
 * server only what changes is checked then, and only a new record must be whole. The
 * schema's `allOf` says rules again, for clients without the condition language. The
 * server checks again and its word is final. */
export function findingsOf(
  form: Ruled,
  values: JsonObject,
  start: JsonObject | null = null,
): Detail[] {
  const { allOf: _, required = [], properties = {}, ...shape } = form.schema;
  const body = start ? changesOf(form.schema, start, values) : bodyOf(form.schema, values);
  const demanded = required.filter((name) => isDemanded(properties[name]));
  const wanted = { ...shape, properties, required: start ? [] : demanded };
  const found = new Map<string, Detail>();
  collect(found, wanted, body);
  for (const detail of brokenRules(form, start, body)) {
    if (!found.has(detail.field)) found.set(detail.field, detail);
  }
  return [...found.values()];
}

/** A field that the server makes, or gives its default, need not be entered. */
const isDemanded = (property: PropertySchema | undefined): boolean =>
  !property?.readOnly && property?.default === undefined;

function collect(found: Map<string, Detail>, schema: PropertySchema, body: JsonObject): void {
  const { errors } = new Validator(schema as Schema, "2020-12", false).validate(body);
  for (const { keyword, keywordLocation, instanceLocation, error } of errors) {
    if (PASSING.has(keyword) || keyword === "false" || keywordLocation.includes("/if/")) continue;
    const path = instanceLocation.replace(/^#\/?/, "").replaceAll("/", ".");
    // These two stand at the object and name the property in their text alone.
    const named = NAMING.has(keyword) ? /"([^"]+)"/.exec(error)?.[1] : undefined;
    const field = [path, named].filter(Boolean).join(".");
    if (!field || found.has(field)) continue;
    found.set(field, { field, code: keyword, message: wordsFor(keyword, keywordLocation, schema) });
  }
}

/** Returns what to do, with the limit that the schema sets there. */
function wordsFor(keyword: string, location: string, schema: PropertySchema): string {
  const limit = valueAt(schema, location);
  const isAny = limit === 1 && (keyword === "minLength" || keyword === "minItems");
  return t(isAny ? "form.bad_required" : (WORDS[keyword] ?? "form.bad_other"), {
    limit: String(limit),
  });
}

/** Returns what stands in a schema at a JSON pointer, which may lead through references. */
function valueAt(schema: PropertySchema, pointer: string): unknown {
  let node: unknown = schema;
  for (const part of pointer.split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    node = (node as { [name: string]: unknown } | undefined)?.[name];
    if (name === "$ref" && typeof node === "string") node = valueAt(schema, node);
  }
  return node;
}
