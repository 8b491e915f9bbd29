import { expect, test } from "vitest";
import { columnsOf, isMoment, keyWords, memberName, partOf, unitOf } from "./shapes";

test("a list of flat objects is a table with the columns of all of them", () => {
  expect(columnsOf([{ a: 1, b: ["x", "y"] }, { c: null }])).toEqual(["a", "b", "c"]);
});

test.each([
  ["nothing", []],
  ["no objects", [1, 2]],
  ["an object in a cell", [{ a: { b: 1 } }]],
  ["a list of objects in a cell", [{ a: [{ b: 1 }] }]],
  ["too many columns", [Object.fromEntries([..."abcdefghijklm"].map((name) => [name, 1]))]],
])("%s is no table", (_, value) => {
  expect(columnsOf(value)).toBeNull();
});

test("keys are read as words, whichever way they are written", () => {
  expect(keyWords("sent_at")).toBe("Sent at");
  expect(keyWords("sentAt")).toBe("Sent at");
});

test("only a moment with a zone is one", () => {
  expect(isMoment("2026-11-21T14:30:00+00:00")).toBe(true);
  expect(isMoment("2026-11-21T14:30:00")).toBe(false);
  expect(isMoment("2026-99-21T14:30:00Z")).toBe(false);
});

test("a schema says what the parts of a value are, and which keys are data", () => {
  const counter = { type: "integer", format: "bytes" };
  const schema = {
    anyOf: [{ properties: { sent_at: {} }, additionalProperties: { items: counter } }, {}],
  };
  expect(partOf(partOf(schema, "CUST1"), null)).toEqual(counter);
  expect(memberName(schema, "CUST1")).toBe("CUST1");
  expect(memberName(schema, "sent_at")).toBe("Sent at");
  expect(memberName(undefined, "sent_at")).toBe("Sent at");
  expect(partOf(undefined, "a")).toBeUndefined();
  expect(unitOf(counter, 5)).toBe("bytes");
  expect(unitOf(counter, "5")).toBeNull();
  expect(unitOf({ type: ["integer", "null"], format: "seconds" }, 5)).toBe("seconds");
  expect(unitOf({ format: "date" }, 5)).toBeNull();
});
