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
  minimum: "form.bad_range",
  maximum: "form.bad_range",
  exclusiveMinimum: "form.bad_range",
  exclusiveMaximum: "form.bad_range",
  minLength: "form.bad_length",
  maxLength: "form.bad_length",
  minItems: "form.bad_required",
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
    found.set(field, { field, code: keyword, message: t(WORDS[keyword] ?? "form.bad_other") });
  }
}
