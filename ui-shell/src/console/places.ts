import type { Json, JsonObject, Label } from "../api/types";
import { labelText, wordsOf } from "../i18n";

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Returns a place in a definition in the words its author chose, from the outside in:
 * `/entities/0/fields/2/to` → Repairs, Price, To. The definition itself has none.
 */
export function placeOf(definition: Json | undefined, pointer: string): string[] {
  const words: string[] = [];
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let value = definition;
  for (const [index, part] of parts.entries()) {
    const isList = Array.isArray(value);
    const below: Json | undefined = Array.isArray(value)
      ? value[Number(part)]
      : isObject(value)
        ? value[part]
        : undefined;
    if (isList) {
      words.push(nameOf(below) ?? String(Number(part) + 1));
    } else if (!Array.isArray(below) || nameOf(below[Number(parts[index + 1])]) === null) {
      // `fields` before the name of one of them says nothing.
      words.push(wordsOf(part));
    }
    value = below;
  }
  return words;
}

function nameOf(item: Json | undefined): string | null {
  if (!isObject(item)) return null;
  const name = typeof item.name === "string" && item.name ? wordsOf(item.name) : "";
  return labelText(item.label as Label | undefined, name) || null;
}
