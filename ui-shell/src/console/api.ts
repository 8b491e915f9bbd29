import { queryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import type { Json } from "../api/types";
import type { FieldType, ServiceDefinition } from "./definition";

export type Finding = { severity: string; path: string; message: string; remedy?: string | null };
export type Step = {
  summary: string;
  sql: string | string[] | null;
  lock: string | null;
  rewrites: boolean;
  rows: number | null;
  loses: { name: string; what: string; rows: number | null } | null;
  failing: { count: number; sample: Json[] } | null;
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
  has_draft: boolean;
};
export type StoredService = ServiceRow & {
  draft: ServiceDefinition | null;
  draft_revision: number | null;
  definition: ServiceDefinition | null;
};

export const servicesQuery = () =>
  queryOptions({
    queryKey: ["console", "services"],
    queryFn: async () => (await get<ServiceRow[]>("/core/services")).data,
    staleTime: 0,
  });
export const serviceQuery = (name: string) =>
  queryOptions({
    queryKey: ["console", "service", name],
    queryFn: async () => (await get<StoredService>(`/core/services/${name}`)).data,
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
