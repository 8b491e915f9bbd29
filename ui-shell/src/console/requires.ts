import type { Json, JsonObject } from "../api/types";
import type { FieldDefinition, ServiceDefinition } from "./definition";

const OURS = "platform";

/**
 * Returns the definition with every service that a relation points into among its
 * `requires`, and which ones this ever added. What it added goes again when nothing
 * points there any more; what somebody wrote stays.
 */
export function withRequires(
  definition: ServiceDefinition,
  added: ReadonlySet<string>,
): { definition: ServiceDefinition; added: ReadonlySet<string> } {
  const before = Array.isArray(definition.requires) ? definition.requires : [];
  const wanted = servicesOf(definition);
  const missing = [...wanted].filter((service) => !before.includes(service));
  const stays = (item: Json) =>
    typeof item !== "string" || wanted.has(item) || !added.has(item);
  const after = [...before.filter(stays), ...missing];
  if (missing.length === 0 && after.length === before.length) return { definition, added };
  const { requires: _, ...rest } = definition;
  return {
    definition: (after.length ? { ...rest, requires: after } : rest) as ServiceDefinition,
    added: new Set([...added, ...missing]),
  };
}

function servicesOf(definition: ServiceDefinition): ReadonlySet<string> {
  const targets = definition.entities.flatMap((entity) => entity.fields.flatMap(targetsOf));
  const services = targets.map((target) => target.split(".", 1)[0] ?? "");
  return new Set(services.filter((name) => name && name !== definition.name && name !== OURS));
}

function targetsOf(field: FieldDefinition | JsonObject): string[] {
  const inner = Array.isArray(field.fields) ? field.fields : [];
  const below = inner.flatMap((item) =>
    typeof item === "object" && item !== null && !Array.isArray(item) ? targetsOf(item) : [],
  );
  return typeof field.to === "string" && field.to.includes(".") ? [field.to, ...below] : below;
}
