import type { Json } from "../api/types";
import { t, type TextKey, wordsOf } from "../i18n";
import { isObject } from "../json/shapes";
import { rate } from "../list/format";

/** A run of the network service, as far as people read it: docs/network.md. */
export type Change = { field: string; old: Json; new: Json };
export type Step = {
  number: number;
  verb: string;
  kind: string;
  name: string;
  changes: Change[];
  sessions: number;
  reason?: string;
};
export type Entry = { kind: string; name: string; reason?: string };
export type RunPlan = {
  actions: Step[];
  blocked: Step[];
  conflicts: Entry[];
  unmanaged: Entry[];
  counts: { [name: string]: number };
};
export type StepResult = Omit<Step, "changes" | "sessions"> & { outcome: string; reason: string };
/** Of a long run not all steps are stored; the counts are of all, by outcome. */
export type RunResults = { counts: { [outcome: string]: number }; steps: StepResult[] };

const isStep = (value: Json): boolean =>
  isObject(value) && typeof value.verb === "string" && typeof value.kind === "string";

/** Returns a run's plan, or null for any other value. */
export function planOf(value: Json): RunPlan | null {
  if (!isObject(value) || !isObject(value.counts)) return null;
  const lists = ["actions", "blocked", "conflicts", "unmanaged"].map((name) => value[name]);
  if (!lists.every(Array.isArray) || !(value.actions as Json[]).every(isStep)) return null;
  return value as RunPlan;
}

const isResult = (value: Json): boolean =>
  isStep(value) && isObject(value) && typeof value.outcome === "string";

/** Returns what became of the steps of a run, or null for any other value. */
export function resultsOf(value: Json): RunResults | null {
  // Older runs have the steps alone.
  if (Array.isArray(value)) return value.length > 0 ? resultsOf({ counts: {}, steps: value }) : null;
  if (!isObject(value) || !isObject(value.counts) || !Array.isArray(value.steps)) return null;
  return value.steps.every(isResult) ? (value as RunResults) : null;
}

/** The words for a value of the router, or that value itself. */
function said(group: "kind" | "field" | "reason" | "outcome" | "count", name: string): string {
  const key = `run.${group}.${name}` as TextKey;
  const text = t(key);
  return text === key ? wordsOf(name) : text;
}
export const reasonText = (reason: string): string => said("reason", reason);
export const outcomeText = (outcome: string): string => said("outcome", outcome);
export const entryText = ({ kind, name }: Entry): string => `${said("kind", kind)} ${name}`;

/** Returns a step in words, such as `Add the login CUST00001`. */
export function stepText(step: Pick<Step, "verb" | "kind" | "name"> & { sessions?: number }): string {
  const { verb, kind, name } = step;
  const what = said("kind", kind);
  const key = `run.verb.${verb}` as TextKey;
  const text = t(key, { what, name, count: step.sessions || 1 });
  return text === key ? `${wordsOf(verb)}: ${what} ${name}` : text;
}

/** Returns a field's difference in words: `Speed: up 2 Mbps, down 5 Mbps`. */
export function changeText({ field, old, new: next }: Change): string {
  const name = said("field", field);
  const now = valueText(field, next);
  if (old === null || old === undefined) return `${name}: ${now}`;
  return `${name}: ${valueText(field, old)} → ${now}`;
}

const RATES = /^(\d+)\/(\d+)$/;

function valueText(field: string, value: Json): string {
  if (value === null || value === "") return t("form.none");
  if (typeof value === "boolean") return t(value ? "common.yes" : "common.no");
  if (Array.isArray(value)) return value.map(String).join(", ");
  const text = String(value);
  const rates = field === "rate-limit" ? RATES.exec(text) : null;
  if (rates) return t("run.rates", { up: rate(Number(rates[1])), down: rate(Number(rates[2])) });
  if (text === "yes" || text === "no") return t(`common.${text}`);
  return text;
}

const VERBS = ["add", "set", "unset", "kick", "remove"];

/** Returns how many steps a plan has; of a long one not all are stored. */
export const writesOf = (counts: { [name: string]: number }): number =>
  VERBS.reduce((sum, verb) => sum + (counts[verb] ?? 0), 0);

const COUNTS = [...VERBS, "blocked", "conflicts"];
const OTHERS = ["in_sync", "unmanaged"];

/** Returns the counts of a run, or null for any other value. */
export function countsOf(value: Json): { [name: string]: number } | null {
  if (!isObject(value)) return null;
  const names = Object.keys(value);
  const known = [...COUNTS, ...OTHERS];
  const isCounts = names.length === known.length && names.every((name) => known.includes(name));
  return isCounts ? (value as { [name: string]: number }) : null;
}

/** Returns how much a plan does in one line; empty when it does nothing. */
export function countsText(counts: { [name: string]: number }, hasOthers = false): string {
  return (hasOthers ? [...COUNTS, ...OTHERS] : COUNTS)
    .filter((name) => (counts[name] ?? 0) > 0)
    .map((name) => `${said("count", name)}: ${String(counts[name])}`)
    .join(" · ");
}
