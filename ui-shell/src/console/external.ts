import type { Json, JsonObject } from "../api/types";
import { randomId, type ServiceDefinition } from "./definition";

/** The parts of an external service's definition that its form edits. */
export type EndpointDefinition = JsonObject & { id: string; name: string; path: string };

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export const AUTH_TYPES = ["none", "api_key", "jwt", "oauth"] as const;
/** What an endpoint is held to where its definition says nothing. */
export const USUAL = { method: "POST", rate_limit: 100, timeout_ms: 30_000 } as const;

export const isExternal = (definition: ServiceDefinition): boolean =>
  definition.type === "external";

const isEndpoint = (value: Json): value is EndpointDefinition =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  [value.id, value.name, value.path].every((part) => typeof part === "string");

/** Returns the endpoints; null when the form cannot show them. */
export function endpointsOf({ endpoints = [] }: ServiceDefinition): EndpointDefinition[] | null {
  return Array.isArray(endpoints) && endpoints.every(isEndpoint) ? endpoints : null;
}

export const newEndpoint = (): EndpointDefinition => ({ id: randomId(), name: "", path: "/" });

/** The start of a service that stands somewhere else. */
export const newExternal = (): ServiceDefinition => ({
  $schema: "rangka:service/1",
  id: randomId(),
  name: "",
  type: "external",
  auth_type: "api_key",
  entities: [],
  endpoints: [newEndpoint()],
});

/** Sets a value; an empty one takes it away, and so brings its default back. */
export function withValue<T extends JsonObject>(item: T, name: string, value: Json): T {
  const { [name]: _, ...rest } = item;
  return (value === null || value === "" ? rest : { ...rest, [name]: value }) as T;
}

/** The names of an endpoint's inputs. */
export function inputsOf({ request_schema }: EndpointDefinition): string[] {
  const { properties } = (request_schema ?? {}) as { properties?: JsonObject };
  return Object.keys(properties ?? {});
}
