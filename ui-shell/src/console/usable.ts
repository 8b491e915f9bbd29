import type { JsonObject } from "../api/types";
import type { EntityDefinition, ServiceDefinition } from "./definition";

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the definition if the form can show it, else null. The server checks the rest. */
export function usable(parsed: unknown): ServiceDefinition | null {
  if (!isObject(parsed) || typeof parsed.name !== "string") return null;
  const { entities = [] } = parsed;
  if (!Array.isArray(entities) || !entities.every(isEntity)) return null;
  return { ...parsed, entities } as ServiceDefinition;
}

function isEntity(value: unknown): value is EntityDefinition {
  if (!isObject(value) || typeof value.id !== "string" || typeof value.name !== "string")
    return false;
  const { fields } = value;
  return (
    Array.isArray(fields) &&
    fields.every(
      (field) =>
        isObject(field) &&
        [field.id, field.name, field.type].every((part) => typeof part === "string"),
    )
  );
}
