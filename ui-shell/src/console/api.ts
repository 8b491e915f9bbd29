import { queryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Label } from "../api/types";
import type { FieldType, ServiceDefinition } from "./definition";
import { inReadingOrder } from "./order";

export type Finding = { severity: string; path: string; message: string; remedy?: string | null };
export type Step = {
  summary: string;
  sql: string | string[] | null;
  lock: string | null;
  rewrites: boolean;
  rows: number | null;
  loses: { name: string; what: string; rows: number | null } | null;
  failing: { count: number; sample: (string | null)[]; ids: string[] } | null;
};
export type Plan = {
  from_version: number | null;
  to_version: number;
  summary: string[];
  findings: Finding[];
  steps: Step[];
  losses: string[];
  publishable: boolean;
};
export type ServiceRow = {
  id: string;
  name: string;
  type: string;
  status: string;
  visibility: string;
  published_version: number | null;
  label: Label | null;
  has_unpublished_changes: boolean;
};
export type StoredService = ServiceRow & {
  draft: ServiceDefinition | null;
  draft_revision: number | null;
  definition: ServiceDefinition | null;
};

/** A service of another application has no entities, and its definition no such list. */
const whole = (found: ServiceDefinition | null): ServiceDefinition | null =>
  found && inReadingOrder(Array.isArray(found.entities) ? found : { ...found, entities: [] });

export const servicesQuery = () =>
  queryOptions({
    queryKey: ["console", "services"],
    queryFn: async () => (await get<ServiceRow[]>("/core/services")).data,
    staleTime: 0,
  });
export const serviceQuery = (name: string) =>
  queryOptions({
    queryKey: ["console", "service", name],
    queryFn: async (): Promise<StoredService> => {
      const { data } = await get<StoredService>(`/core/services/${name}`);
      return { ...data, draft: whole(data.draft), definition: whole(data.definition) };
    },
    staleTime: 0,
    refetchOnWindowFocus: false,
  });

export const fieldTypesQuery = () =>
  queryOptions({
    queryKey: ["field-types"],
    queryFn: async () => (await get<FieldType[]>("/core/field-types")).data,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Every entity that a relation may point at, as `service.entity`. */
export const targetsQuery = () =>
  queryOptions({
    queryKey: ["console", "targets"],
    queryFn: async (): Promise<string[]> => {
      const { data } = await get<ServiceRow[]>("/core/services");
      const found = await Promise.all(
        data
          .filter((service) => service.published_version !== null)
          .map((service) => get<StoredService>(`/core/services/${service.name}`)),
      );
      const targets = found.flatMap(({ data: { name, definition } }) =>
        (definition?.entities ?? []).map((entity) => `${name}.${entity.name}`),
      );
      return [...targets.sort(), "platform.users"];
    },
  });

export type Version = {
  version: number;
  comment: string;
  rolled_back_to: number | null;
  published_at: string;
  published_by: string | null;
};

export const versionsQuery = (name: string) =>
  queryOptions({
    queryKey: ["console", "versions", name],
    queryFn: async () => (await get<Version[]>(`/core/services/${name}/versions`)).data,
    staleTime: 0,
  });

/** A version never changes, so it is read once. */
export const versionQuery = (name: string, version: number) =>
  queryOptions({
    queryKey: ["version", name, version],
    queryFn: async () => {
      const path = `/core/services/${name}/versions/${version}`;
      const { definition } = (await get<{ definition: ServiceDefinition }>(path)).data;
      return whole(definition) ?? definition;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

const MOST_USERS = 200;

/** Names by user id, of as many users as one page holds. */
export const usersQuery = () =>
  queryOptions({
    queryKey: ["console", "users"],
    queryFn: async () => {
      const path = "/core/users";
      const { data } = await get<{ id: string; name: string }[]>(path, { limit: MOST_USERS });
      return new Map(data.map((user) => [user.id, user.name]));
    },
  });
