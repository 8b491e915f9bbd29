import { useEffect, useRef, useState } from "react";
import type { EntityRecord, Json } from "../api/types";

/** How long a row that has just changed is marked. */
const SHOWN = 1600;
const NONE: ReadonlySet<string> = new Set();

/** Returns the ids whose rows are new or have another version than in `before`. */
export const changedIds = (
  before: ReadonlyMap<string, Json>,
  rows: readonly EntityRecord[],
): string[] =>
  rows.filter(({ id, version }) => before.get(id) !== (version ?? null)).map(({ id }) => id);

/**
 * The rows of a list that somebody has just made or changed. `key` says which list it is:
 * another page or filter brings other rows, which nobody has changed.
 */
export function useFreshRows(rows: readonly EntityRecord[], key: string): ReadonlySet<string> {
  const known = useRef<{ key: string; versions: ReadonlyMap<string, Json> } | null>(null);
  const [fresh, setFresh] = useState(NONE);
  useEffect(() => {
    const before = known.current;
    const versions = new Map(rows.map(({ id, version }) => [id, version ?? null]));
    known.current = { key, versions };
    const ids = before?.key === key ? changedIds(before.versions, rows) : [];
    setFresh((old) => (ids.length > 0 ? new Set(ids) : old.size > 0 ? NONE : old));
    const timer = setTimeout(() => setFresh(NONE), SHOWN);
    return () => clearTimeout(timer);
  }, [rows, key]);
  return fresh;
}
