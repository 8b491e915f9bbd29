import { expect, test } from "vitest";
import type { Column, Json } from "../api/types";
import { setLocale } from "../i18n";
import { cellText, exactText, rate, valueAt } from "./format";

const column = (type: string, options = {}): Column => ({ field: "x", type, options });

test("whole rupiah have no minor digits", () => {
  expect(cellText(column("money", { currency: "IDR" }), 150000).replace(/\s/g, " ")).toBe(
    "IDR 150,000",
  );
});

test("rates take the unit people say", () => {
  expect(rate(10_000_000)).toBe("10 Mbps");
  expect(rate(2_500_000_000)).toBe("2.5 Gbps");
});

test("a relation shows the title of its target, and says where it may not be seen", () => {
  const relation = column("relation", { title_field: "name" });
  expect(cellText(relation, { id: "1", name: "Rumah" })).toBe("Rumah");
  expect(cellText(relation, { id: "1", name: null })).toBe("1");
  expect(cellText(relation, { id: "1" })).toBe("Not visible to you");
  expect(cellText(relation, "1")).toBe("Not visible to you");
  expect(cellText(relation, null)).toBe("");
});

test("a path walks into an expanded relation and ends at nothing without one", () => {
  expect(valueAt({ id: "1", plan: { id: "2", name: "A" } }, "plan.name")).toBe("A");
  expect(valueAt({ id: "1", plan: null }, "plan.name")).toBeNull();
});

test.each([
  ["USD", 2, 1250, "US$12.50"],
  ["JPY", 0, 1250, "JP¥1,250"],
  ["KWD", 3, 1250, "KWD 1.250"],
])("%s is scaled by its %i minor digits", (currency, digits, amount, text) => {
  expect(cellText(column("money", { currency, digits }), amount).replace(/\s/g, " ")).toBe(text);
  expect(cellText(column("money", { currency }), amount).replace(/\s/g, " ")).toBe(text);
});

test("what is counted is read in units, what is flat in words", () => {
  const of = (type: string, value: Json) => cellText({ field: "x", type }, value);
  expect(of("bytes", 883_381_824)).toBe("883.4 MB");
  expect(of("bytes", 12)).toBe("12 B");
  expect(of("integer", 8729)).toBe("8729");
  expect(of("integer", 12_000)).toBe("12,000");
  expect(of("json", { pool: 2, in_sync: 6 })).toBe("Pool: 2, In sync: 6");
  expect(of("json", { a: { b: 1 } })).toBe('{"a":{"b":1}}');
});

test("a quantity within JSON is read in the unit that its schema names", () => {
  const schema = {
    anyOf: [
      {
        type: "object",
        properties: { top_speed: { type: "integer", format: "rate" } },
        additionalProperties: { items: { type: "integer", format: "bytes" } },
      },
      { type: "null" },
    ],
  };
  const value = { top_speed: 20_000_000, CUST00001: [14_510_309, 154_759_121] };
  expect(cellText({ field: "x", type: "json", schema }, value)).toBe(
    "Top speed: 20 Mbps, CUST00001: 14.5 MB / 154.8 MB",
  );
});

const seconds: Column = { ...column("integer"), schema: { type: "integer", format: "seconds" } };

test.each([
  [0, "0 s", "0 dtk"],
  [59, "59 s", "59 dtk"],
  [3600, "1 h", "1 j"],
  [11_520, "3 h 12 m", "3 j 12 mnt"],
  [3605, "1 h", "1 j"],
  [90_061, "1 d 1 h", "1 hari 1 j"],
  [31_536_000_000, "365,000 d", "365.000 hari"],
])("%i seconds are a length of time in the language of the page", async (value, en, id) => {
  expect(cellText(seconds, value)).toBe(en);
  await setLocale("id");
  expect(cellText(seconds, value)).toBe(id);
  await setLocale("en");
});

test("a number that is a name has no marks between its digits", async () => {
  const port = { ...column("integer"), schema: { type: "integer", format: "plain" } };
  await setLocale("id");
  expect(cellText(port, 18_728)).toBe("18728");
  expect(cellText(port, null)).toBe("");
  await setLocale("en");
});

test("a number whose unit is not known stays a number", () => {
  const schema = { type: "integer", format: "parsecs" };
  expect(cellText({ ...column("integer"), schema }, 11_520)).toBe("11,520");
});

test("what is shown in a larger unit keeps its exact number at hand", () => {
  expect(exactText(column("bytes"), 883_381_824)).toBe("883381824 B");
  expect(exactText(column("rate"), 10_000_000)).toBe("10000000 bit/s");
  expect(exactText(seconds, 11_520)).toBe("11520 s");
  expect(exactText(column("integer"), 5)).toBeUndefined();
  expect(exactText(column("bytes"), null)).toBeUndefined();
});
