import type { JsonObject } from "../api/types";

/** What the URL of a list says. `view` "all" is the list without a saved view. */
export type ListSearch = {
  q?: string;
  filter?: JsonObject;
  sort?: string;
  view?: string;
  /** The deleted records are listed, and only those. */
  bin?: boolean;
  columns?: string;
  after?: string;
  size?: number;
};

/** What the URL of a new record says: the records it begins with, by relation. */
export type NewSearch = { given?: JsonObject };

export function parseNewSearch({ given }: Record<string, unknown>): NewSearch {
  if (!given || typeof given !== "object" || Array.isArray(given)) return {};
  const texts = Object.entries(given).filter(([, value]) => typeof value === "string");
  return texts.length ? { given: Object.fromEntries(texts) } : {};
}

export const PAGE_SIZES: readonly number[] = [25, 50, 100, 200];

export function parseListSearch(search: Record<string, unknown>): ListSearch {
  const result: ListSearch = {};
  for (const name of ["q", "sort", "view", "columns", "after"] as const) {
    const value = search[name];
    if (value !== undefined && value !== null && value !== "") result[name] = String(value);
  }
  const { filter } = search;
  if (filter && typeof filter === "object" && !Array.isArray(filter)) {
    if (Object.keys(filter).length > 0) result.filter = filter as JsonObject;
  }
  if (String(search.bin) === "true") result.bin = true;
  const size = Number(search.size);
  if (PAGE_SIZES.includes(size)) result.size = size;
  return result;
}
