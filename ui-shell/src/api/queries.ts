import { QueryClient, queryOptions } from "@tanstack/react-query";
import { get, respond } from "./client";
import { ApiError } from "./errors";
import { refreshTenants } from "./session";
import type { Source } from "./source";
import type { EntityForm, EntityRecord, Envelope, MenuNode } from "./types";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (count, error) => count < 1 && error instanceof ApiError && error.status === 0,
    },
  },
});

export const menusQuery = () =>
  queryOptions({
    queryKey: ["menus"],
    queryFn: async ({ signal }) =>
      (await get<{ menus: MenuNode[]; permissions: string[] }>("/menus/user", {}, signal)).data,
    staleTime: 60_000,
  });

export const formQuery = (source: Source, form?: string) =>
  queryOptions({
    queryKey: ["form", source.form, form ?? "default"],
    queryFn: async ({ signal }) =>
      (await get<EntityForm>(form ? `${source.form}/${form}` : source.form, {}, signal)).data,
  });

export type ListParameters = {
  filter?: string | undefined;
  sort?: string | undefined;
  search?: string | undefined;
  cursor?: string | undefined;
  expand?: string | undefined;
  limit?: number | undefined;
  count?: string | undefined;
  deleted?: "only" | undefined;
  /** Whether each row says what may be done with it. */
  actions?: "true" | undefined;
};

export const listQuery = (source: Source, parameters: ListParameters) =>
  queryOptions({
    queryKey: ["list", source.data, parameters] as const,
    queryFn: ({ signal }) => get<EntityRecord[]>(source.data, parameters, signal),
    staleTime: 5_000,
  });

export type LoadedRecord = { record: EntityRecord; etag: string | null };

export const recordQuery = (source: Source, id: string, deleted?: "with") =>
  queryOptions({
    queryKey: ["record", source.data, id, deleted ?? ""],
    queryFn: async ({ signal }): Promise<LoadedRecord> => {
      const response = await respond("GET", `${source.data}/${encodeURIComponent(id)}`, {
        query: { deleted, actions: "true" },
        signal,
      });
      const body = (await response.json()) as Envelope<EntityRecord>;
      return { record: body.data, etag: response.headers.get("etag") };
    },
    staleTime: 0,
  });

/** After a write: lists and the record are stale, forms and menus are not. */
export async function refreshRecords(source: Source): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ["list", source.data] }),
    queryClient.invalidateQueries({ queryKey: ["record", source.data] }),
    queryClient.invalidateQueries({ queryKey: ["history", source.data] }),
    source.service === "platform" && source.entity === "tenants" && refreshTenants(),
  ]);
}
