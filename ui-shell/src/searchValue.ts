/**
 * Reads a value of the page's address as JSON. A text that only looks like a number, such as
 * `4065e8` or an id of 20 digits, is none: the number would be told in other words.
 */
export function searchValue(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value === "number" && String(value) !== text) throw new SyntaxError(text);
  return value;
}
