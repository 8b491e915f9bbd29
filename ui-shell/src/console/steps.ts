import type { Label } from "../api/types";
import { labelText, type TextKey, t, wordsOf } from "../i18n";
import type { Step } from "./api";
import type { ServiceDefinition } from "./definition";

/** Steps whose sentences name tables, schemas or constraints, and what to say instead. */
const STEPS: readonly (readonly [RegExp, TextKey])[] = [
  [/^Create the schema \S+$/, "console.step.place"],
  [/^Let the application use the schema$/, "console.step.placeUse"],
  [/^Remove the empty schema \S+$/, "console.step.placeGone"],
  [/^Create the table of (?<entity>\S+)$/, "console.step.room"],
  [/^Turn on row security for (?<entity>\S+)$/, "console.step.apart"],
  [/^Let each tenant reach its own (?<entity>\S+) only$/, "console.step.own"],
  [/^Let the owner role count rows /, "console.step.later"],
  [/^Let the application read and write (?<entity>\S+)$/, "console.step.use"],
  [/^Rename the table (?<old>\S+) to (?<new>\S+)$/, "console.step.renameEntity"],
  [/^Remove (?<entity>\S+) with all its records$/, "console.step.removeEntity"],
  [/^Keep deleted (?<entity>\S+) in a bin$/, "console.step.bin"],
  [/^Empty the bin of (?<entity>\S+)$/, "console.step.binEmpty"],
  [/^Remove the bin of (?<entity>\S+)$/, "console.step.binGone"],
  [/^Add (?<field>\S+) to (?<entity>\S+)$/, "console.step.add"],
  [/^Leave the default of (?<field>\S+) to the engine$/, "console.step.default"],
  [/^Remove (?<field>\S+) from (?<entity>\S+)$/, "console.step.remove"],
  [/^Forget the computed (?<field>\S+) of (?<entity>\S+)$/, "console.step.forget"],
  [/^Keep the values computed for (?<field>\S+) of (?<entity>\S+)$/, "console.step.keep"],
  [/^Rename (?<old>\S+) to (?<new>\S+) in (?<entity>\S+)$/, "console.step.rename"],
  [
    /^Turn (?<field>\S+) of (?<entity>\S+) from (?<from>\S+) into (?<to>\S+)$/,
    "console.step.convert",
  ],
  [/^Check the values of (?<field>\S+) in (?<entity>\S+)$/, "console.step.check"],
  [
    /^Let (?<entity>[^\s.]+)\.(?<field>\S+) point at existing records only$/,
    "console.step.point",
  ],
  [/^Drop the rule \S+ of (?<entity>\S+)$/, "console.step.rule"],
  [/^Give existing (?<entity>\S+) without (?<field>\S+) its default$/, "console.step.fill"],
  [/^Demand (?<field>\S+) in (?<entity>\S+)$/, "console.step.demand"],
  [/^Make (?<field>\S+) of (?<entity>\S+) NOT NULL,/, "console.step.demanded"],
  [/NOT NULL of (?<field>\S+) of (?<entity>\S+)$/, "console.step.tidy"],
  [/^Let (?<field>\S+) of (?<entity>\S+) be empty$/, "console.step.optional"],
  [/^No two (?<entity>\S+) of a tenant share (?<fields>.+)$/, "console.step.unique"],
  [/^Make searching (?<entity>\S+) by (?<field>\S+) fast$/, "console.step.search"],
  [/^Make finding (?<entity>\S+) by (?:created_at DESC|parent_id)\b/, "console.step.list"],
  [/^Make finding (?<entity>\S+) by (?<fields>.+) fast$/, "console.step.find"],
  [/^Drop the index uq_\S+ of (?<entity>\S+)$/, "console.step.repeat"],
  [/^Drop the index \S+ of (?<entity>\S+)$/, "console.step.slower"],
  [/no table changes\.$/, "console.step.words"],
];

const MOMENTS: readonly (readonly [string, TextKey])[] = [
  ["; built after the publish, while everybody works on", "console.step.after"],
  ["; from now on", "console.step.now"],
  ["; existing rows, after the publish", "console.step.existing"],
];

const LOSSES: readonly (readonly [RegExp, TextKey])[] = [
  [/^the values of this field$/, "console.lost.values"],
  [/^every record of (?<entity>\S+)$/, "console.lost.records"],
  [/^the deleted records$/, "console.lost.deleted"],
];

/** A step of a plan in plain words; the server's own sentence where none are known. */
export function stepText(summary: string, definition: ServiceDefinition | undefined): string {
  for (const [ending, key] of MOMENTS) {
    if (summary.endsWith(ending)) {
      return t(key, { step: stepText(summary.slice(0, -ending.length), definition) });
    }
  }
  return worded(STEPS, summary, definition);
}

/** What a step destroys, in plain words. */
export const lossText = (
  loses: NonNullable<Step["loses"]>,
  definition: ServiceDefinition | undefined,
): string => worded(LOSSES, loses.what, definition);

function worded(
  known: readonly (readonly [RegExp, TextKey])[],
  sentence: string,
  definition: ServiceDefinition | undefined,
): string {
  for (const [pattern, key] of known) {
    const groups = pattern.exec(sentence)?.groups;
    if (groups || pattern.test(sentence)) return t(key, namesOf(groups ?? {}, definition));
  }
  return sentence;
}

/** The names of a sentence, entities and fields by their labels. */
function namesOf(
  groups: { [name: string]: string | undefined },
  definition: ServiceDefinition | undefined,
): { [name: string]: string } {
  const { entity = "", field = "", fields = field } = groups;
  const [outer = "", inner] = entity.split("__");
  const of = (name: string): string => {
    const found = definition?.entities.find((item) => item.name === outer);
    const label = found?.fields.find((item) => item.name === name)?.label;
    return labelText(label as Label | undefined, wordsOf(name));
  };
  const found = definition?.entities.find((item) => item.name === outer);
  const label = (found?.label_plural ?? found?.label) as Label | undefined;
  const named = labelText(label, wordsOf(outer));
  const shown = (text = "") => wordsOf(text).toLowerCase();
  return {
    old: groups.old ?? "",
    new: groups.new ?? "",
    from: shown(groups.from),
    to: shown(groups.to),
    entity: inner ? `${named} → ${of(inner)}` : named,
    field: inner ? wordsOf(field) : of(field),
    fields: fields
      .split(", ")
      .map((name) => (inner ? wordsOf(name) : of(name)))
      .join(", "),
  };
}
