import { expect, test } from "vitest";
import type { Json } from "../api/types";
import { bodyOf, changesOf, initialValues, isServed } from "./values";

test("only what differs from the record is sent", () => {
  const record = { id: "1", name: "a", tags: ["x"], note: null };
  const schema = { properties: { name: {}, tags: {}, note: {} } };
  expect(changesOf(schema, record, { id: "1", name: "b", tags: ["x"], note: null })).toEqual({
    name: "b",
  });
});

test("a new record starts with constant defaults; the server fills in the others", () => {
  const schema = {
    properties: {
      status: { default: "open" },
      at: { default: "$now" },
      code: { default: "x", readOnly: true },
    },
  };
  expect(initialValues(schema, null)).toEqual({ status: "open" });
  const given = { status: "done", code: "y", other: "z" };
  expect(initialValues(schema, null, given)).toEqual({ status: "done" });
  expect(initialValues(schema, { id: "1", status: "new" }, given)).toEqual({ status: "new" });
});

test("a new record sends what has a value and nothing read-only", () => {
  const schema = { properties: { name: {}, note: {}, code: { readOnly: true } } };
  expect(bodyOf(schema, { name: "a", note: null, code: "x" })).toEqual({ name: "a" });
});

test("a changed row goes back without the columns that the server computes", () => {
  const items = { properties: { id: {}, item: {}, count: {} }, additionalProperties: false };
  const start = { rows: [{ id: "1", item: "a", count: 1, sum: "9.50" }] };
  const rows: Json = [{ id: "1", item: "a", count: 2, sum: "9.50" }, { item: "b" }];
  const sent = { rows: [{ id: "1", item: "a", count: 2 }, { item: "b" }] };
  expect(changesOf({ properties: { rows: { items } } }, start, { rows })).toEqual(sent);
  const nullable = { anyOf: [{ items }, { type: "null" }] };
  expect(changesOf({ properties: { rows: nullable } }, start, { rows })).toEqual(sent);
});

test("what a person puts into a list of objects is sent, known or not", () => {
  const strict = { properties: { a: {} }, additionalProperties: false };
  const typed = { extra: [{ a: 1, typo: 2 }, "x"] };
  const start = { extra: [{ a: 1 }] };
  const schema = { properties: { extra: { items: strict } } };
  expect(changesOf(schema, start, typed)).toEqual(typed);
  const open = { properties: { extra: { items: { properties: { a: {} } } } } };
  const kept = { extra: [{ a: 2, more: 3 }] };
  expect(changesOf(open, { extra: [{ a: 1, more: 3 }] }, kept)).toEqual(kept);
});

test("a form whose immutable fields all have their values has nothing to fill in", () => {
  const control = (name: string, options = {}) => ({
    type: "Control",
    scope: `#/properties/${name}`,
    options,
  });
  const ui = {
    type: "VerticalLayout",
    elements: [
      { type: "HorizontalLayout", elements: [control("plan", { immutable: true })] },
      control("state", { readonly: true }),
    ],
  };
  const schema = { properties: { plan: {}, state: { readOnly: true } } };
  expect(isServed(ui, schema)).toBe(false);
  expect(isServed(ui, schema, { plan: null, state: "ended" })).toBe(false);
  expect(isServed(ui, schema, { plan: "1", state: "ended" })).toBe(true);
  const open = { ...ui, elements: [...ui.elements, control("note")] };
  expect(isServed(open, schema, { plan: "1", state: "ended", note: "a" })).toBe(false);
});
