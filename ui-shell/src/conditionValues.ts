/** Values of each field type as PostgreSQL compares them; `conditionLanguage.ts` asks. */

/** A field as far as comparisons go: `digits` of money, `options` of a choice, `fields` of lines. */
export type Field = {
  readonly type: string;
  readonly digits?: number;
  readonly options?: readonly string[];
  readonly fields?: Fields;
};
export type Fields = Readonly<Record<string, Field>>;
export type Key = { readonly rank: string; readonly value: bigint | string | boolean };
type Network = { version: number; address: bigint; length: number };

/** A value cannot be compared with values of its field: the comparison is not met. */
export class Unfit extends Error {}

export const LISTS = new Set(["tags", "multi_choice"]);
export const NETWORKS = new Set(["ip", "cidr"]);
const DECIMALS = new Set(["decimal", "percent"]);
const WHOLE = new Set(["integer", "money", "rate", "bytes"]);
const TEXTS = new Set(["text", "long_text", "sequence", "email", "url", "phone"]);
const UNORDERED = new Set(["boolean", "relation", "colour", ...LISTS]);
const UNCOMPARED = new Set(["json", "geo_point", "secret", "lines", "rich_text"]);
const EQUALITY = new Set(["_eq", "_neq", "_in", "_nin"]);
export const MATCHES = new Set(["_contains", "_icontains", "_starts", "_ends"]);

/** Returns whether fields of a type answer an operator; an unknown name answers all. */
export function answers(type: string, operator: string): boolean {
  if (type === "") return true;
  if (operator === "_null") return type !== "lines";
  if (type === "rich_text") return operator === "_contains" || operator === "_icontains";
  if (UNCOMPARED.has(type)) return false;
  if (operator === "_contains" && (LISTS.has(type) || NETWORKS.has(type))) return true;
  if (MATCHES.has(operator)) return TEXTS.has(type);
  return EQUALITY.has(operator) || !UNORDERED.has(type);
}

/** Returns the spelling in which a text of the type is stored. */
function stored(type: string, text: string): string {
  if (type === "text") return text.replace(/[\t\n\v\f\r]+/g, " ").trim();
  if (type === "long_text") return text.replace(/\r\n?/g, "\n").trim();
  if (type === "email") return fitting(text.trim().toLowerCase(), /^[^@\s]+@[^@\s]+$/);
  if (type === "colour") return fitting(text.trim().toLowerCase(), /^#[0-9a-f]{6}$/);
  if (type === "phone") return fitting(text.replace(/[ .()-]/g, ""), /^\+?\d{6,15}$/);
  if (type === "url") {
    const url = fitting(text.trim(), /^https?:\/\/[^\s/?#]+\S*$/i);
    return url.replace(/^[^:]+:\/\/[^/?#]+/, (head) => head.toLowerCase());
  }
  return text;
}

function fitting(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new Unfit();
  return text;
}

/** Returns the record's side of a comparison, null where nothing would be stored. */
export function own(field: Field, value: unknown): Key | null {
  if (typeof value !== "string") return read(field, "_eq", value);
  const text = stored(field.type, value);
  const blank = text === "" && ["text", "long_text", "rich_text"].includes(field.type);
  return blank ? null : read(field, "_eq", text);
}

/** Returns an operand as fields of its type compare it; throws Unfit. */
export function read(field: Field, operator: string, value: unknown): Key {
  const { type } = field;
  if (WHOLE.has(type)) return { rank: "number", value: whole(field, value) };
  if (DECIMALS.has(type)) return { rank: "number", value: exact(value) };
  if (type === "" && typeof value === "number") return { rank: "number", value: exact(value) };
  if (typeof value === "boolean") {
    if (type !== "" && type !== "boolean") throw new Unfit();
    return { rank: "boolean", value };
  }
  const given = textOf(value);
  const text = given.trim();
  switch (type) {
    case "boolean":
      return { rank: "boolean", value: truth(text.toLowerCase()) };
    case "duration":
      return { rank: "number", value: seconds(text.toUpperCase()) * UNIT };
    case "datetime":
      return { rank: "instant", value: instant(text) };
    case "date":
      if (!isDay(text)) throw new Unfit();
      return { rank: "text", value: text };
    case "time":
      fitting(text, /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/);
      return { rank: "text", value: text.length === 5 ? `${text}:00` : text };
    case "uuid":
    case "relation":
      fitting(text, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);
      return { rank: "text", value: text.toLowerCase() };
    case "mac":
      fitting(text, MAC);
      return { rank: "text", value: text.toLowerCase().replace(/[^0-9a-f]/g, "") };
    case "ip":
    case "cidr": {
      if (type === "ip" && operator !== "_contains" && text.includes("/")) throw new Unfit();
      const { version, address, length } = network(text);
      return { rank: "network", value: (BigInt(version) << 140n) | (address << 8n) | BigInt(length) };
    }
  }
  return { rank: "text", value: EQUALITY.has(operator) && !WORDS.has(type) ? stored(type, given) : given };
}

/** Returns what PostgreSQL holds as text: no zero character, no half of a surrogate pair. */
export function textOf(value: unknown): string {
  if (typeof value !== "string" || /\0|\p{Surrogate}/u.test(value)) throw new Unfit();
  return value;
}

/** Returns a list of words as it is stored; a text holds them between separators. */
export function wordsOf({ options }: Field, value: unknown): string[] {
  const given = typeof value === "string" ? value.split(/[;,\n]/) : value;
  if (!Array.isArray(given)) throw new Unfit();
  const trimmed = given.map((word) => textOf(word).trim());
  const words = [...new Set(trimmed.filter((word) => word !== "" || given === value))];
  if (!options) return words;
  if (words.some((word) => !options.includes(word))) throw new Unfit();
  return options.filter((option) => words.includes(option));
}

// Their operands are looked for as they are written.
const WORDS = new Set(["text", "long_text"]);
const MAC = /^([0-9a-f]{2}([:-]?)([0-9a-f]{2}\2){4}[0-9a-f]{2}|[0-9a-f]{4}(\.[0-9a-f]{4}){2})$/i;
const SCALE = 130;
const UNIT = 10n ** BigInt(SCALE);

/** Returns a number, or a text of digits, in units of 1e-130, so that nothing is lost. */
function exact(value: unknown): bigint {
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  const match = text.length <= 60 ? /^([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,3}))?$/i.exec(text) : null;
  const exponent = SCALE + Number(match?.[4] ?? 0) - (match?.[3] ?? "").length;
  if (!match || exponent < 0 || exponent > 2 * SCALE) throw new Unfit();
  const number = BigInt(match[2] + (match[3] ?? "")) * 10n ** BigInt(exponent);
  return match[1] === "-" ? -number : number;
}

/** Returns a whole number; a text of money is in the main unit, a quantity may have one. */
function whole({ type, digits = 0 }: Field, value: unknown): bigint {
  const number = typeof value === "string" ? written(type, digits, value.trim()) : exact(value);
  if (number % UNIT || number / UNIT > MOST || number / UNIT < -MOST) throw new Unfit();
  return number;
}

function written(type: string, digits: number, text: string): bigint {
  if (type === "money") return exact(text) * 10n ** BigInt(digits);
  if (type === "integer") return exact(fitting(text, /^[+-]?\d+$/));
  const match = /^(\d{1,16}(?:\.\d{1,9})?)\s*([a-z/]*)$/i.exec(text);
  const pattern = type === "rate" ? /^([kmgt]?)(?:|bps|bit\/s|b\/s)$/ : /^(?:([kmgtp]?)(i?)b?|bytes?)$/;
  const unit = pattern.exec(match?.[2]?.toLowerCase() ?? "?");
  if (!match || !unit || (unit[2] && !unit[1])) throw new Unfit();
  const power = unit[1] ? "kmgtp".indexOf(unit[1]) + 1 : 0;
  return exact(match[1]) * (unit[2] ? 1024n : 1000n) ** BigInt(power);
}
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

function truth(word: string): boolean {
  if (["true", "yes", "y", "1", "ya", "benar"].includes(word)) return true;
  if (["false", "no", "n", "0", "tidak", "salah"].includes(word)) return false;
  throw new Unfit();
}

/** Returns the seconds of an ISO 8601 duration in days and time, or of H:MM:SS. */
function seconds(text: string): bigint {
  const clock = /^(\d{1,6}):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  const iso = /^P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10})S)?)?)$/.exec(text);
  if (clock) return sum([clock[1], 3600n], [clock[2], 60n], [clock[3], 1n]);
  if (!iso || text === "P" || text.endsWith("T")) throw new Unfit();
  return sum([iso[1], 604_800n], [iso[2], 86_400n], [iso[3], 3600n], [iso[4], 60n], [iso[5], 1n]);
}

const sum = (...parts: [string | undefined, bigint][]) =>
  parts.reduce((total, [count, unit]) => total + BigInt(count ?? 0) * unit, 0n);

function isDay(text: string): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  return day !== null && !text.startsWith("0000") && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

// What the server reads: a day inside the years 1 to 9999.
const EARLIEST = BigInt(Date.parse("0001-01-02T00:00:00Z")) * 1000n;
const LATEST = BigInt(Date.parse("9999-12-30T00:00:00Z")) * 1000n;

/** Returns microseconds since 1970; a day alone is its start, and no zone is UTC. */
function instant(value: string): bigint {
  const text = isDay(value) ? `${value}T00:00:00Z` : value.toUpperCase();
  const match =
    /^(\d{4}-\d{2}-\d{2})[T ]((?:[01]\d|2[0-3]):\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  if (!match || !isDay(match[1]!)) throw new Unfit();
  const time = Date.parse(`${match[1]}T${match[2]}${match[4] ?? "Z"}`);
  if (Number.isNaN(time)) throw new Unfit();
  const moment = BigInt(time) * 1000n + BigInt((match[3] ?? "").padEnd(6, "0").slice(0, 6));
  if (moment < EARLIEST || moment > LATEST) throw new Unfit();
  return moment;
}

/** Returns a network without host bits, or a host as the smallest one. */
function network(text: string): Network {
  const [host = "", prefix, ...more] = text.split("/");
  const version = host.includes(":") ? 6 : 4;
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  const address = groups(host, version).reduce((all, part) => (all << 16n) | BigInt(part), 0n);
  const free = BigInt(bits - length);
  if (more.length || length < 0 || length > bits || (address >> free) << free !== address) throw new Unfit();
  return { version, address, length };
}

/** Returns an address as groups of 16 bits. */
function groups(host: string, version: number): number[] {
  const dotted = /^(.*:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host);
  const octets = dotted?.slice(2) ?? [];
  if (octets.some((octet) => Number(octet) > 255 || /^0\d/.test(octet))) throw new Unfit();
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
  const last = [a * 256 + b, c * 256 + d];
  if (version === 4) {
    if (!dotted) throw new Unfit();
    return last;
  }
  const written = dotted ? `${dotted[1]}${last[0]!.toString(16)}:${last[1]!.toString(16)}` : host;
  const sides = written.split("::").map((side) => (side === "" ? [] : side.split(":")));
  const given = sides.flat();
  const missing = 8 - given.length;
  const fits = sides.length === 1 ? missing === 0 : sides.length === 2 && missing > 0;
  if (!fits || given.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) throw new Unfit();
  const [left = [], right = []] = sides;
  return [...left, ...Array<string>(missing).fill("0"), ...right].map((group) => parseInt(group, 16));
}

/** Returns whether a host or network is the other network or a part of it. */
export function liesIn(inner: Key, outer: Key): boolean {
  const [one, other] = [BigInt(inner.value), BigInt(outer.value)];
  const length = other & 255n;
  const host = (other >> 140n === 4n ? 32n : 128n) - length;
  const start = (key: bigint) => (key >> 8n) >> host;
  return (one & 255n) >= length && start(one) === start(other);
}
