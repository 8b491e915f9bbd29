import { useSyncExternalStore } from "react";
import type { Locale } from "../i18n";

export type Preferences = {
  density: "comfortable" | "compact";
  locale: Locale;
  navCollapsed: boolean;
  pageSize: number;
};

const KEY = "rangka-preferences";
const listeners = new Set<() => void>();

function read(): Preferences {
  const defaults: Preferences = {
    density: "comfortable",
    locale: navigator.language.startsWith("id") ? "id" : "en",
    navCollapsed: false,
    pageSize: 50,
  };
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...defaults, ...(stored as Partial<Preferences>) };
  } catch {
    return defaults;
  }
}

let preferences = read();

export const getPreferences = (): Preferences => preferences;

/** Changes and remembers preferences; they belong to the browser, not to a tenant. */
export function prefer(changes: Partial<Preferences>): void {
  preferences = { ...preferences, ...changes };
  document.documentElement.dataset.density = preferences.density;
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Storage may be forbidden; the preference then lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const usePreferences = (): Preferences => useSyncExternalStore(subscribe, getPreferences);
