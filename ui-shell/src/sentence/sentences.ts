import table from "./sentences.id.json";

const PLACE = /\{\{(\w+)\}\}/;
const PLACES = new RegExp(PLACE, "g");

/** The server's sentences as patterns, with the words for each. */
const KNOWN = Object.entries(table).map(
  ([sentence, said]): readonly [RegExp, string] => [patternOf(sentence), said],
);

/**
 * A sentence that the server stores in English, in Indonesian; as it is where it is not known.
 *
 * A place named `said` holds a sentence itself. What stands before a colon is a name, a command
 * or an address, and counts are a list: their parts are said one by one.
 */
export function inIndonesian(sentence: string): string {
  const counts = sentence.split(", ");
  if (counts.length > 1 && counts.every((count) => /^\d+ /.test(count))) {
    return counts.map(inIndonesian).join(", ");
  }
  for (const [pattern, said] of KNOWN) {
    const match = pattern.exec(sentence);
    if (match) {
      return said.replaceAll(PLACES, (_, name: string) => {
        const value = match.groups?.[name] ?? "";
        return name === "said" ? inIndonesian(value) : value;
      });
    }
  }
  const end = sentence.indexOf(": ") + 2;
  return end < 2 ? sentence : sentence.slice(0, end) + inIndonesian(sentence.slice(end));
}

function patternOf(sentence: string): RegExp {
  const parts = sentence.split(PLACE).map((part, index) =>
    // Every other part is the name of a place.
    index % 2 ? `(?<${part}>.+?)` : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${parts.join("")}$`, "s");
}
