import type { Json, JsonObject } from "../api/types";
import type { TextKey } from "../i18n";
import { type Token, tokensOf } from "./formulaTokens";

/** What is wrong with a formula; `at` counts characters from 0. */
export type Mistake = { at: number; key: TextKey; values: { [name: string]: string | number } };
export type Parsed = { expression: Json } | { mistake: Mistake };

type Sign = { operator: string; many: boolean };
type Level = { signs: ReadonlyMap<string, Sign>; chains: boolean };
type Called = { operator: string; least: number; most: number };

const sign = (text: string, operator: string, many = false): [string, Sign] => [
  text,
  { operator, many },
];

/** From the loosest to the tightest; `not` stands between `and` and the comparisons. */
export const LEVELS: readonly Level[] = [
  { signs: new Map([sign("or", "_or", true)]), chains: true },
  { signs: new Map([sign("and", "_and", true)]), chains: true },
  {
    signs: new Map([
      sign("=", "_eq"),
      sign("<>", "_neq"),
      sign("!=", "_neq"),
      sign("<=", "_lte"),
      sign(">=", "_gte"),
      sign("<", "_lt"),
      sign(">", "_gt"),
    ]),
    chains: false,
  },
  { signs: new Map([sign("&", "_concat", true)]), chains: true },
  { signs: new Map([sign("+", "_add", true), sign("-", "_sub")]), chains: true },
  { signs: new Map([sign("*", "_mul", true), sign("/", "_div")]), chains: true },
];
/** The level that `not` takes its operand from. */
export const COMPARED = 2;

const ANY = Number.POSITIVE_INFINITY;
export const FUNCTIONS: ReadonlyMap<string, Called> = new Map([
  ["round", { operator: "_round", least: 2, most: 2 }],
  ["floor", { operator: "_floor", least: 1, most: 1 }],
  ["ceil", { operator: "_ceil", least: 1, most: 1 }],
  ["min", { operator: "_min", least: 2, most: ANY }],
  ["max", { operator: "_max", least: 2, most: ANY }],
  ["if", { operator: "_if", least: 3, most: 3 }],
  ["coalesce", { operator: "_coalesce", least: 2, most: ANY }],
  ["length", { operator: "_length", least: 1, most: 1 }],
  ["lower", { operator: "_lower", least: 1, most: 1 }],
  ["upper", { operator: "_upper", least: 1, most: 1 }],
  ["concat", { operator: "_concat", least: 1, most: ANY }],
]);
export const CONSTANTS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const MOST_PLACES = 10;
/** Far deeper than the server takes, and far from what the browser's stack holds. */
const DEEPEST = 500;

class Wrong extends Error {
  constructor(readonly mistake: Mistake) {
    super(mistake.key);
  }
}

const fail = (at: number, key: TextKey, values: Mistake["values"] = {}): never => {
  throw new Wrong({ at, key, values });
};

/** Returns the expression that a formula over these fields means, or its first mistake. */
export function parseFormula(text: string, fields: readonly string[]): Parsed {
  try {
    const parser = new Parser(tokensOf(text), fields);
    return { expression: parser.whole() };
  } catch (error) {
    if (error instanceof Wrong) return { mistake: error.mistake };
    throw error;
  }
}

class Parser {
  private next = 0;
  private depth = 0;
  private readonly tokens: readonly Token[];
  private readonly fields: readonly string[];

  constructor(tokens: readonly Token[], fields: readonly string[]) {
    this.tokens = tokens;
    this.fields = fields;
  }

  whole(): Json {
    const found = this.level(0);
    const { kind, at, text } = this.token;
    if (kind === "end") return found;
    if (text === "," || text === ";") fail(at, "console.formulaComma");
    return fail(at, "console.formulaExtra", { found: text });
  }

  private get token(): Token {
    return this.tokens[this.next] as Token;
  }

  /** Takes the next token if it is one of these signs or words. */
  private take(...texts: string[]): Token | null {
    const { token } = this;
    const isThere = (token.kind === "sign" || token.kind === "word") && texts.includes(token.word);
    if (isThere) this.next += 1;
    return isThere ? token : null;
  }

  private level(index: number): Json {
    const { at, text } = this.token;
    if (this.depth > DEEPEST) fail(at, "console.formulaUnexpected", { found: text });
    this.depth += 1;
    const found = this.chain(index);
    this.depth -= 1;
    return found;
  }

  private chain(index: number): Json {
    const level = LEVELS[index];
    if (!level) return this.one();
    if (index === COMPARED && this.take("not")) return { _not: [this.level(COMPARED)] };
    let left = this.level(index + 1);
    // Only what this chain made grows: `(a + b) + c` stays as its brackets say.
    let grown = "";
    let parts: Json[] = [];
    for (let at = this.take(...level.signs.keys()); at; at = this.take(...level.signs.keys())) {
      const { operator, many } = level.signs.get(at.word) as Sign;
      const right = this.level(index + 1);
      if (many && grown === operator) {
        parts.push(right);
      } else {
        parts = [left, right];
        left = { [operator]: parts };
        grown = operator;
      }
      if (!level.chains) break;
    }
    return left;
  }

  private one(): Json {
    const { token } = this;
    this.next += 1;
    if (token.kind === "number") return Number(token.text);
    if (token.kind === "text") return token.word;
    if (token.kind === "open") return fail(token.at, "console.formulaText");
    if (token.kind === "name") return this.field(token);
    if (token.kind === "word") return this.word(token);
    if (token.text === "-") return this.negative();
    if (token.text === "(") {
      const inner = this.level(0);
      this.close(token);
      return inner;
    }
    if (token.kind === "end") return fail(token.at, "console.formulaEnd");
    return fail(token.at, "console.formulaUnexpected", { found: token.text });
  }

  private negative(): Json {
    const isLiteral = this.token.kind === "number";
    const operand = this.one();
    return isLiteral ? -(operand as number) : { _sub: [0, operand] };
  }

  private close(opened: Token): void {
    if (this.take(")")) return;
    const { kind, at, text } = this.token;
    if (kind === "end") fail(opened.at, "console.formulaBracket");
    if (text === "," || text === ";") fail(at, "console.formulaComma");
    fail(at, "console.formulaExtra", { found: text });
  }

  private word(token: Token): Json {
    const opened = this.take("(");
    if (opened) return this.call(token, opened);
    const constant = CONSTANTS.get(token.word);
    if (constant !== undefined) return constant;
    if (/^(and|or|not)$/.test(token.word))
      return fail(token.at, "console.formulaUnexpected", { found: token.text });
    return this.field(token);
  }

  private field({ at, text }: Token): Json {
    if (this.fields.includes(text)) return { field: text };
    return fail(at, "console.formulaField", { name: text, known: this.fields.join(", ") });
  }

  private call(name: Token, opened: Token): Json {
    const known = FUNCTIONS.get(name.word);
    if (!known) {
      const names = [...FUNCTIONS.keys()].join(", ");
      return fail(name.at, "console.formulaFunction", { name: name.text, known: names });
    }
    const parts: Json[] = [];
    const starts: number[] = [];
    if (!this.take(")")) {
      do {
        starts.push(this.token.at);
        parts.push(this.level(0));
      } while (this.take(",", ";"));
      this.close(opened);
    }
    const { operator, least, most } = known;
    if (parts.length < least || parts.length > most) {
      const count = most === ANY ? `${least}+` : String(least);
      return fail(name.at, "console.formulaCount", { name: name.word, count });
    }
    if (operator === "_if") {
      const [test, then, other] = parts as [Json, Json, Json];
      return { _if: { if: test, then, else: other } };
    }
    if (operator === "_round" && !isPlaces(parts[1]))
      return fail(starts[1] ?? name.at, "console.formulaPlaces");
    return { [operator]: parts };
  }
}

export const isPlaces = (value: Json | undefined): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_PLACES;

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
