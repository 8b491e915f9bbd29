import type { View } from "../api/types";

/** How one person likes one list. It is kept in this browser, per user and tenant. */
export type ListLayout = { columns?: string[]; widths?: { [field: string]: number }; views?: View[] };

export type ListKey = { user: string; tenant: string; source: string };

const nameOf = ({ user, tenant, source }: ListKey): string =>
  `rangka-list ${tenant} ${user} ${source}`;

export function readLayout(key: ListKey): ListLayout {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(nameOf(key)) ?? "{}");
    return typeof stored === "object" && stored !== null ? (stored as ListLayout) : {};
  } catch {
    return {};
  }
}

export function writeLayout(key: ListKey, layout: ListLayout): void {
  try {
    localStorage.setItem(nameOf(key), JSON.stringify(layout));
  } catch {
    // Storage may be forbidden or full; the layout then lasts as long as the page.
  }
}
