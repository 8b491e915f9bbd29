/** The entity's own rules, asked of a form before it is sent. */
import type { Detail, FormRule, Json, JsonObject, PropertySchema, RuleFields } from "../api/types";
import { evaluate } from "../conditionLanguage";
import { labelText, t } from "../i18n";

export type Ruled = {
  schema: PropertySchema;
  rules?: FormRule[];
  rule_fields?: RuleFields;
};

/** The server keeps rules with variables to itself: this clock may be wrong. */
const noVariable = () => null;

/**
 * Returns what rules have against a record as it will be, worded as their author did.
 * `start` holds the record that is edited, null for a new one; `body` is what would be
 * sent. The server asks again and its word is final.
 */
export function brokenRules(form: Ruled, start: JsonObject | null, body: JsonObject): Detail[] {
  const { schema, rules = [], rule_fields: fields = {} } = form;
  if (start && Object.keys(body).length === 0) return [];
  const whole = start ? { ...start, ...body } : { ...defaultsOf(schema), ...body };
  const holds = (condition: JsonObject, record = whole) =>
    evaluate(condition, record, fields, noVariable);
  const isMissing = (name: string): boolean => {
    if (!start && !(name in body) && schema.properties?.[name]?.default !== undefined) return false;
    const value = whole[name] ?? null;
    return value === null || value === "" || isEmpty(value) || holds({ [name]: { _null: true } });
  };
  const isChanged = (name: string): boolean =>
    name in body && !holds({ [name]: { _eq: operandOf(start?.[name] ?? null) } }, body);
  return rules.filter((rule) => holds(rule.if)).flatMap(({ then, message }) => {
    const say = (field: string, code: string, otherwise: string): Detail => ({
      field,
      code,
      message: labelText(message, otherwise),
    });
    const missing = (then.required ?? []).filter(isMissing);
    const changed = start ? (then.readonly ?? []).filter(isChanged) : [];
    const unfit = then.check && !holds(then.check);
    return [
      ...missing.map((name) => say(name, "required", t("form.bad_required"))),
      ...changed.map((name) => say(name, "readonly", t("form.bad_readonly"))),
      ...(unfit ? [say("", "rule", t("form.bad_together"))] : []),
    ];
  });
}

const isEmpty = (value: Json): boolean => Array.isArray(value) && value.length === 0;

/** A text with $ in front would be read as a variable. */
const operandOf = (value: Json): Json =>
  typeof value === "string" && value.startsWith("$") ? `$${value}` : value;

/** Returns what the server fills in where a new record has no value. */
function defaultsOf({ properties = {} }: PropertySchema): JsonObject {
  const values: JsonObject = {};
  for (const [name, { default: value }] of Object.entries(properties)) {
    const isVariable = typeof value === "string" && value.startsWith("$");
    if (value !== undefined && !isVariable) values[name] = value;
  }
  return values;
}
