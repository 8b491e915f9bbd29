import { expect, test } from "vitest";
import { bodyOf, changesOf, initialValues } from "./values";

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
});

test("a new record sends what has a value and nothing read-only", () => {
  const schema = { properties: { name: {}, note: {}, code: { readOnly: true } } };
  expect(bodyOf(schema, { name: "a", note: null, code: "x" })).toEqual({ name: "a" });
});
