import type { JsonObject, PropertySchema, Rule } from "./api/types";

/** Returns whether a value fits the part of JSON Schema that conditions use. */
function fits(schema: PropertySchema, value: unknown): boolean {
  if ("const" in schema && JSON.stringify(schema.const) !== JSON.stringify(value ?? null)) {
    return false;
  }
  if (schema.enum && !schema.enum.some((item) => item === value)) return false;
  if (schema.minimum !== undefined && !(Number(value) >= schema.minimum)) return false;
  if (schema.maximum !== undefined && !(Number(value) <= schema.maximum)) return false;
  if (schema.anyOf && !schema.anyOf.some((item) => fits(item, value))) return false;
  if (schema.allOf && !schema.allOf.every((item) => fits(item, value))) return false;
  return true;
}

export type Effect = { visible: boolean; enabled: boolean };

/** Returns what a rule of the UI schema makes of its element. */
export function effectOf(rule: Rule | undefined, values: JsonObject): Effect {
  if (!rule) return { visible: true, enabled: true };
  const name = rule.condition.scope.split("/").at(-1) ?? "";
  const met = fits(rule.condition.schema, values[name]);
  return {
    visible: rule.effect === "SHOW" ? met : rule.effect === "HIDE" ? !met : true,
    enabled: rule.effect === "ENABLE" ? met : rule.effect === "DISABLE" ? !met : true,
  };
}
