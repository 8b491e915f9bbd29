import { afterEach, expect, test } from "vitest";
import codes from "./codes.id.json";
import consoleEn from "./console.en.json";
import consoleId from "./console.id.json";
import en from "./en.json";
import id from "./id.json";
import { loadConsoleTexts, saidOf, setLocale, type TextKey, t } from ".";

afterEach(() => setLocale("en"));

const placesOf = (text: string) => [...text.matchAll(/\{\{\w+\}\}/g)].map(String).sort();

test.each([
  ["of the pages", en, id],
  ["of the console", consoleEn, consoleId],
])("the texts %s exist in both languages and name the same values", (_, english, indonesian) => {
  expect(Object.keys(indonesian)).toEqual(Object.keys(english));
  for (const [key, text] of Object.entries<string>(english)) {
    expect(placesOf((indonesian as { [key: string]: string })[key] ?? ""), key).toEqual(
      placesOf(text),
    );
  }
});

test("the console's texts are not among those of the first load", () => {
  expect(Object.keys(en).filter((key) => key in consoleEn || key.startsWith("console."))).toEqual(
    [],
  );
});

test("the console's texts follow the language once they are loaded", async () => {
  await loadConsoleTexts();
  expect(t("console.publish")).toBe(consoleEn["console.publish"]);
  await setLocale("id");
  expect(t("console.publish")).toBe(consoleId["console.publish"]);
});

test("values stand where the text names them, and a key without a text is itself", () => {
  expect(t("list.count", { count: 3 })).toBe("3 records");
  expect(t("list.count", { count: "$& {{x}}" })).toBe("$& {{x}} records");
  expect(t("list.count", { count: 1 })).toBe("1 record");
  expect(t("list.count", { count: "1" })).toBe("1 record");
  expect(t("list.count", { count: "≥ 1" })).toBe("≥ 1 records");
  expect(t("list.count", { count: 0 })).toBe("0 records");
  expect(t("run.inSync", { count: 1 })).toBe("1 entry is as it should be.");
  expect(t("record.frozen" as TextKey)).toBe("record.frozen");
});

test("a sentence of the server is said in the language of the page", async () => {
  expect(saidOf("FORBIDDEN", "You may not.")).toBe("You may not.");
  await setLocale("id");
  expect(saidOf("FORBIDDEN", "You may not.")).toBe(codes.FORBIDDEN);
  expect(saidOf("max_length", "At most 5.", { limit: 5 })).toBe("Paling banyak 5 karakter.");
  expect(saidOf("max_length", "At most 5.")).toBe("At most 5.");
  expect(saidOf("NEW_CODE", "Something new.")).toBe("Something new.");
});
