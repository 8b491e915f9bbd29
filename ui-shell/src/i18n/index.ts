import i18next from "i18next";
import { useSyncExternalStore } from "react";
import type { Label } from "../api/types";
import en from "./en.json";

export type TextKey = keyof typeof en;
export type Locale = "en" | "id";
export type Translate = (key: TextKey, values?: { [name: string]: string | number }) => string;

export const LOCALES: readonly Locale[] = ["en", "id"];

void i18next.init({
  lng: "en",
  fallbackLng: "en",
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  resources: { en: { translation: en } },
});

export const t: Translate = (key, values) => i18next.t(key, values ?? {});
export const getLocale = (): Locale => (i18next.language === "id" ? "id" : "en");

/** Loads the texts of a locale, then shows it. English is always there. */
export async function setLocale(locale: Locale): Promise<void> {
  if (locale === "id" && !i18next.hasResourceBundle("id", "translation")) {
    const [texts, codes] = await Promise.all([import("./id.json"), import("./codes.id.json")]);
    i18next.addResourceBundle("id", "translation", texts.default);
    i18next.addResourceBundle("id", "codes", codes.default);
  }
  document.documentElement.lang = locale;
  await i18next.changeLanguage(locale);
}

function subscribe(listener: () => void): () => void {
  i18next.on("languageChanged", listener);
  return () => i18next.off("languageChanged", listener);
}

export const useLocale = (): Locale => useSyncExternalStore(subscribe, getLocale);

/** The server's sentence in this language, by its code; its own words where it cannot be. */
export function saidOf(
  code: string,
  sentence: string,
  params: { [name: string]: unknown } = {},
): string {
  const template: unknown = i18next.getResource(getLocale(), "codes", code);
  if (typeof template !== "string") return sentence;
  const needed = [...template.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? "");
  return needed.every((name) => name in params) ? i18next.t(code, { ns: "codes", ...params }) : sentence;
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
