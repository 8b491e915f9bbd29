import { type Schema, Validator } from "@cfworker/json-schema";
import type { Detail, JsonObject, PropertySchema } from "../api/types";
import { type TextKey, t } from "../i18n";

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

/** Returns what the form's schema has against the values, one finding a field.
 *
 * Values without content are not sent on, as the form does not send them either. The
 * server checks again and its word is final. */
export function findingsOf(schema: PropertySchema, values: JsonObject): Detail[] {
  const body: JsonObject = {};
  for (const [name, value] of Object.entries(values)) {
    const property = schema.properties?.[name];
    if (property && !property.readOnly && value !== null && value !== "") body[name] = value;
  }
  const found = new Map<string, Detail>();
  const result = new Validator(schema as Schema, "2020-12", false).validate(body);
  for (const { keyword, keywordLocation, instanceLocation, error } of result.errors) {
    if (PASSING.has(keyword) || keyword === "false") continue;
    const path = instanceLocation.replace(/^#\/?/, "").replaceAll("/", ".");
    const field =
      keyword === "required" ? [path, /"([^"]+)"/.exec(error)?.[1]].filter(Boolean).join(".") : path;
    const name = field.split(".")[0] ?? "";
    // A server-made field cannot be entered, so its absence is nobody's mistake here.
    if (!field || schema.properties?.[name]?.readOnly || keywordLocation.includes("/if/")) continue;
    if (!found.has(field)) {
      found.set(field, { field, code: keyword, message: t(WORDS[keyword] ?? "form.bad_other") });
    }
  }
  return [...found.values()];
}
