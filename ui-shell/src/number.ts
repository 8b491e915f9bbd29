/** Numbers as people write them: 150.000,50 and 150,000.50 are both understood, or refused. */

import { getLocale } from "./i18n";

type Marks = { decimal: "." | ","; group: "." | "," };

const marks = (): Marks =>
  getLocale() === "id" ? { decimal: ",", group: "." } : { decimal: ".", group: "," };

/**
 * Returns the digits with a point and without groups, or null for what is no number.
 *
 * `digits` is how many may follow the point. A single mark before exactly three digits is
 * a group where three decimals cannot be meant, and by the language otherwise. Decimals
 * that would be lost are refused; zeros too many are not.
 */
export function plainNumber(text: string, digits = 20): string | null {
  const bare = text.trim().replace(/^(-?)\s*(?:Rp\.?|[A-Z]{3})\s*/i, "$1").replaceAll(/[\s\u00a0']/g, "");
  const match = /^(-?)([\d.,]*\d[.,]?)$/.exec(bare);
  if (!match) return null;
  const [, sign = "", body = ""] = match;
  const at = decimalAt(body, digits);
  const whole = at < 0 ? body : body.slice(0, at);
  const fraction = (at < 0 ? "" : body.slice(at + 1)).replace(/0+$/, "");
  if (!/^(\d+|\d{1,3}([.,]\d{3})+|)$/.test(whole) || !/^\d*$/.test(fraction)) return null;
  if (new Set(whole.replaceAll(/\d/g, "")).size > 1 || fraction.length > digits) return null;
  if (at >= 0 && whole.includes(body[at] ?? "")) return null;
  const left = whole.replaceAll(/[.,]/g, "").replace(/^0+(?=\d)/, "") || "0";
  return `${sign}${left}${fraction ? `.${fraction}` : ""}`;
}

/** Returns where the decimal mark stands, -1 when every mark groups. */
function decimalAt(body: string, digits: number): number {
  const found = [...body.matchAll(/[.,]/g)].map((mark) => mark.index);
  const last = found.at(-1);
  if (last === undefined) return -1;
  const kinds = new Set(found.map((index) => body[index]));
  if (kinds.size > 1) return last;
  if (found.length > 1) return -1;
  if (body.length - last - 1 !== 3 || last > 3 || last === 0) return last;
  if (digits < 3) return -1;
  return body[last] === marks().group ? -1 : last;
}

/** Returns a plain number with the marks of the language; anything else as it is. */
export function shownNumber(plain: string, least = 0): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(plain);
  if (!match) return plain;
  const { decimal, group } = marks();
  const whole = (match[2] ?? "").replaceAll(/\B(?=(\d{3})+(?!\d))/g, group);
  const fraction = (match[3] ?? "").padEnd(least, "0");
  return `${match[1]}${whole}${fraction ? decimal + fraction : ""}`;
}

/** Returns an amount in whole minor units, or null; `digits` is what the currency has. */
export function minorUnits(text: string, digits: number): number | null {
  const plain = plainNumber(text, digits);
  if (plain === null) return null;
  const [whole = "0", fraction = ""] = plain.split(".");
  const amount = Number(whole + fraction.padEnd(digits, "0"));
  return Number.isSafeInteger(amount) ? amount : null;
}

const POWERS = "kmgtp";
const UNITS: { [type: string]: RegExp } = {
  rate: /^([kmgt]?)()(?:|bps|bit\/s|b\/s)$/,
  bytes: /^(?:([kmgtp])(i?)b?|b|bytes?|)$/,
};

/** Returns bits a second (`20M`, `20 Mbps`) or bytes (`10 MiB`, `2 GB`); null for neither. */
export function quantity(text: string, type: string): number | null {
  const match = /^([\d.,]+)\s*([a-z/]*)$/i.exec(text.trim());
  const plain = plainNumber(match?.[1] ?? "");
  const unit = UNITS[type]?.exec(match?.[2]?.toLowerCase() ?? "?");
  if (plain === null || plain.startsWith("-") || !unit) return null;
  const factor = (unit[2] ? 1024 : 1000) ** (unit[1] ? POWERS.indexOf(unit[1]) + 1 : 0);
  const amount = Number((Number(plain) * factor).toPrecision(15));
  return Number.isSafeInteger(amount) ? amount : null;
}

/** Returns a quantity in the largest unit in which it has at most three decimals. */
export function shownQuantity(amount: number, type: string): string {
  const names = type === "rate" ? ["bps", "kbps", "Mbps", "Gbps", "Tbps"] : ["B", "kB", "MB", "GB", "TB"];
  for (let power = names.length - 1; power > 0; power--) {
    const plain = String(amount / 1000 ** power);
    if (amount >= 1000 ** power && /^\d+(\.\d{1,3})?$/.test(plain)) {
      return `${shownNumber(plain)} ${names[power]}`;
    }
  }
  return shownNumber(String(amount));
}
