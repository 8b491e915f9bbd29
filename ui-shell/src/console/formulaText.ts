import type { Json } from "../api/types";
import { COMPARED, CONSTANTS, FUNCTIONS, isObject, isPlaces, LEVELS } from "./formula";

/** How tightly a text holds together: its level, or `TIGHT` for what needs no brackets. */
type Printed = { text: string; level: number };

const TIGHT = LEVELS.length;
const NAME = /^[\p{Letter}_][\p{Letter}\p{Number}_]*$/u;
const WORDS = new Set([...CONSTANTS.keys(), "and", "or", "not"]);
const CALLED = new Map([...FUNCTIONS].map(([name, { operator }]) => [operator, name]));

/** Returns the formula that reads as this expression; null when there is none. */
export function formulaText(expression: Json): string | null {
  return printed(expression)?.text ?? null;
}

function printed(expression: Json | undefined): Printed | null {
  if (expression === undefined || Array.isArray(expression)) return null;
  if (!isObject(expression)) return literal(expression);
  const [entry, ...more] = Object.entries(expression);
  if (!entry || more.length > 0) return null;
  const [word, value] = entry;
  if (word === "field") return typeof value === "string" ? field(value) : null;
  if (word === "_if") return condition(value);
  const parts = Array.isArray(value) ? value : [value];
  if (word === "_not") return negated(parts);
  const index = LEVELS.findIndex((level) => operators(level).has(word));
  if (index >= 0 && parts.length > 1) return chain(word, parts, index);
  return call(word, parts);
}

const operators = ({ signs }: (typeof LEVELS)[number]): ReadonlySet<string> =>
  new Set([...signs.values()].map(({ operator }) => operator));

function literal(value: null | boolean | number | string): Printed {
  if (typeof value === "string") return { text: `"${value.replaceAll('"', '""')}"`, level: TIGHT };
  return { text: String(value), level: TIGHT };
}

function field(name: string): Printed | null {
  if (/[[\]]/.test(name) || name !== name.trim()) return null;
  const isPlain = NAME.test(name) && !WORDS.has(name.toLowerCase());
  return { text: isPlain ? name : `[${name}]`, level: TIGHT };
}

/** Puts brackets around what is looser than `level`. */
function held(part: Json | undefined, level: number): string | null {
  const found = printed(part);
  if (!found) return null;
  return found.level >= level ? found.text : `(${found.text})`;
}

const joined = (texts: readonly (string | null)[], between: string): string | null =>
  texts.includes(null) ? null : texts.join(between);

function negated(parts: readonly Json[]): Printed | null {
  const text = parts.length === 1 ? held(parts[0], COMPARED) : null;
  return text === null ? null : { text: `not ${text}`, level: COMPARED };
}

function chain(operator: string, parts: readonly Json[], index: number): Printed | null {
  const level = LEVELS[index];
  const found = [...(level?.signs ?? [])].find(([, item]) => item.operator === operator);
  if (!level || !found) return null;
  const [text, { many }] = found;
  if (!many && parts.length !== 2) return null;
  const [first] = parts;
  // `(a + b) + c` is another expression than `a + b + c`; `a - b - c` is the same.
  const isOwn = isObject(first) && Object.keys(first)[0] === operator && many;
  const leftmost = level.chains && !isOwn ? index : index + 1;
  const texts = parts.map((part, at) => held(part, at === 0 ? leftmost : index + 1));
  const all = joined(texts, ` ${text} `);
  return all === null ? null : { text: all, level: index };
}

function call(operator: string, parts: readonly Json[]): Printed | null {
  const name = CALLED.get(operator);
  const known = name ? FUNCTIONS.get(name) : undefined;
  if (!known || parts.length < known.least || parts.length > known.most) return null;
  if (operator === "_round" && !isPlaces(parts[1])) return null;
  const all = joined(
    parts.map((part) => held(part, 0)),
    ", ",
  );
  return all === null ? null : { text: `${name}(${all})`, level: TIGHT };
}

function condition(value: Json | undefined): Printed | null {
  if (!isObject(value) || Object.keys(value).length !== 3) return null;
  const { if: test, then, else: other } = value;
  const all = joined(
    [test, then, other].map((part) => held(part, 0)),
    ", ",
  );
  return all === null ? null : { text: `if(${all})`, level: TIGHT };
}
