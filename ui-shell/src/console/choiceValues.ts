import type { Json } from "../api/types";

/** Returns the value of an option of a choice, which may carry a label and a colour. */
export const valueOf = (item: Json): string =>
  typeof item === "object" && item !== null && !Array.isArray(item)
    ? String(item.value)
    : String(item);

/**
 * Returns the options that somebody means who was asked for one value on each line: the
 * lines, or the parts of a single line with commas, or a definition's own JSON. Options
 * of `now` stay as they are, with their labels and colours.
 */
export function choicesOf(text: string, now: readonly Json[]): Json[] {
  const known = new Map(now.map((item) => [valueOf(item), item]));
  const written = writtenIn(text.trim());
  if (written) return written.map((item) => (isOption(item) ? item : (known.get(item) ?? item)));
  const lines = partsOf(text, "\n");
  const [only = ""] = lines;
  const values = lines.length === 1 && !known.has(only) ? partsOf(only, ",") : lines;
  return values.map((value) => known.get(value) ?? value);
}

const partsOf = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter(Boolean);

type Option = { [name: string]: Json } & { value: Json };

const isOption = (item: Json | undefined): item is Option =>
  typeof item === "object" && item !== null && !Array.isArray(item) && item.value !== undefined;

/** Returns the options that JSON lists; undefined for what is no such JSON, or not yet. */
function writtenIn(text: string): (string | Option)[] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  let found: Json;
  try {
    found = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  const list =
    typeof found === "object" && found !== null && !Array.isArray(found) ? found.options : found;
  if (!Array.isArray(list)) return undefined;
  return list
    .filter((item) => isOption(item) || typeof item !== "object")
    .map((item) => (isOption(item) ? item : String(item)));
}
