import { Validator, type Schema } from "@cfworker/json-schema";
import type { JsonObject, PropertySchema, Rule } from "./api/types";

/** Returns whether a value fits the schema of a rule; an empty field counts as null. */
function fits(schema: PropertySchema, value: unknown): boolean {
  return new Validator(schema as Schema, "2020-12").validate(value ?? null).valid;
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
