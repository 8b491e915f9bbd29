export type Kind = "number" | "text" | "open" | "name" | "word" | "sign" | "end";
/** `word` is what the token means: a word in lower case, a text without its quotes. */
export type Token = { kind: Kind; at: number; text: string; word: string };

const PATTERNS: readonly (readonly [Kind, RegExp])[] = [
  ["number", /(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?/iy],
  ["text", /"(?:[^"]|"")*"|'(?:[^']|'')*'/y],
  ["open", /["']/y],
  ["name", /\[[^[\]]*\]/y],
  ["word", /[\p{Letter}_][\p{Letter}\p{Number}_]*/uy],
  ["sign", /<>|<=|>=|!=|[^\s]/uy],
];
const SPACE = /\s*/y;

/** Returns the parts of a formula; the last one is its end. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? null;
  };
  for (;;) {
    at += match(SPACE)?.length ?? 0;
    if (at >= text.length) return [...tokens, { kind: "end", at: text.length, text: "", word: "" }];
    for (const [kind, pattern] of PATTERNS) {
      const found = match(pattern);
      if (found === null) continue;
      tokens.push({ kind, at, ...meant(kind, found) });
      at += found.length;
      break;
    }
  }
}

function meant(kind: Kind, found: string): { text: string; word: string } {
  if (kind === "text") {
    const quote = found.charAt(0);
    return { text: found, word: found.slice(1, -1).replaceAll(quote + quote, quote) };
  }
  if (kind === "name") return { text: found.slice(1, -1).trim(), word: "" };
  return { text: found, word: found.toLowerCase() };
}
