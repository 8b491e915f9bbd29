import type { Json, JsonObject } from "../api/types";

/** A place in which two definitions differ; null: the thing is not there at all. */
export type Difference = { left: string | null; right: string | null };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const step = (name: string | number): string =>
  `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** Returns where two definitions differ, as JSON Pointers; what has an id is matched by it. */
export function differences(left: Json, right: Json, a = "", b = ""): Difference[] {
  if (isObject(left) && isObject(right)) {
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...names].flatMap((name) =>
      pair(left[name], right[name], a + step(name), b + step(name)),
    );
  }
  const ids = [left, right].map(idsIn);
  const [leftIds, rightIds] = ids;
  if (Array.isArray(left) && Array.isArray(right) && leftIds && rightIds) {
    const all = [...new Set([...leftIds, ...rightIds])];
    const found = all.flatMap((id) => {
      const [i, j] = [leftIds.indexOf(id), rightIds.indexOf(id)];
      return pair(left[i], right[j], a + step(i), b + step(j));
    });
    // Only the order changed: say it of the list.
    const isMoved = found.length === 0 && leftIds.join() !== rightIds.join();
    return isMoved ? [{ left: a, right: b }] : found;
  }
  return JSON.stringify(left) === JSON.stringify(right) ? [] : [{ left: a, right: b }];
}

function pair(
  left: Json | undefined,
  right: Json | undefined,
  a: string,
  b: string,
): Difference[] {
  if (left === undefined) return [{ left: null, right: b }];
  if (right === undefined) return [{ left: a, right: null }];
  return differences(left, right, a, b);
}

/** Returns the ids of a list's items; null when they have none, or share one. */
function idsIn(value: Json): string[] | null {
  if (!Array.isArray(value)) return null;
  const ids = value.map((item) => (isObject(item) && typeof item.id === "string" ? item.id : ""));
  return ids.includes("") || new Set(ids).size !== ids.length ? null : ids;
}
