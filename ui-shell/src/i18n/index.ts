import { useSyncExternalStore } from "react";
import type { Label } from "../api/types";
import en from "./en.json";

type ConsoleTexts = typeof import("./console.en.json");
export type TextKey = keyof typeof en | keyof ConsoleTexts;
export type Locale = "en" | "id";
export type Translate = (key: TextKey, values?: { [name: string]: string | number }) => string;

type Texts = { readonly [key: string]: string };
type Part = "pages" | "codes" | "console";

export const LOCALES: readonly Locale[] = ["en", "id"];

/** What is loaded when it is wanted; the server's own sentences are English already. */
const SOURCES: { [locale in Locale]: { [part in Part]?: () => Promise<{ default: Texts }> } } = {
  en: { console: () => import("./console.en.json") },
  id: {
    pages: () => import("./id.json"),
    codes: () => import("./codes.id.json"),
    console: () => import("./console.id.json"),
  },
};
const loaded: { [locale in Locale]: { [part in Part]?: Texts } } = { en: { pages: en }, id: {} };
const parts = new Set<Part>(["pages", "codes"]);
const listeners = new Set<() => void>();
let current: Locale = "en";

export const t: Translate = (key, values = {}) => fill(textOf(key), values);
export const getLocale = (): Locale => current;

/** Loads the texts of a locale, then shows it. English is always there. */
export async function setLocale(locale: Locale): Promise<void> {
  await load(locale);
  document.documentElement.lang = locale;
  current = locale;
  for (const listener of listeners) listener();
}

/** Loads the texts that only the console's pages show. */
export async function loadConsoleTexts(): Promise<void> {
  parts.add("console");
  await load(current);
}

async function load(locale: Locale): Promise<void> {
  const missing = [...parts].filter((part) => !loaded[locale][part] && SOURCES[locale][part]);
  await Promise.all(
    missing.map(async (part) => {
      loaded[locale][part] = (await SOURCES[locale][part]?.())?.default;
    }),
  );
}

function textOf(key: string): string {
  const { pages, console } = loaded[current];
  return pages?.[key] ?? console?.[key] ?? (en as Texts)[key] ?? key;
}

const NAMED = /\{\{(\w+)\}\}/g;
/** `{{count|record|records}}`: the word for one, and the word for any other number. */
const COUNTED = /\{\{(\w+)\|([^|{}]*)\|([^|{}]*)\}\}/g;

const fill = (template: string, values: { [name: string]: unknown }): string =>
  template
    .replaceAll(COUNTED, (_, name: string, one: string, other: string) =>
      String(values[name]) === "1" ? one : other,
    )
    .replaceAll(NAMED, (_, name: string) => String(values[name] ?? ""));

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useLocale = (): Locale => useSyncExternalStore(subscribe, getLocale);

/** The server's sentence in this language, by its code; its own words where it cannot be. */
export function saidOf(
  code: string,
  sentence: string,
  params: { [name: string]: unknown } = {},
): string {
  const template = loaded[current].codes?.[code];
  if (template === undefined) return sentence;
  const needed = [...template.matchAll(NAMED)].map((match) => match[1] ?? "");
  return needed.every((name) => name in params) ? fill(template, params) : sentence;
}

export function useText(): Translate {
  useLocale();
  return t;
}

/** Returns a label's text: this locale, then English, then any, then the fallback. */
export function labelText(label: Label | null | undefined, fallback: string): string {
  if (label === null || label === undefined || label === "") return fallback;
  if (typeof label === "string") return label;
  return label[getLocale()] ?? label.en ?? Object.values(label)[0] ?? fallback;
}

/** `first_name` → `First name`: what a field without a label is called. */
export function wordsOf(name: string): string {
  const words = name.replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
