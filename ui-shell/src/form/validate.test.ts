import { expect, test } from "vitest";
import type { PropertySchema } from "../api/types";
import { findingsOf } from "./validate";

const schema: PropertySchema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    due: { type: ["integer", "null"], minimum: 1, maximum: 28 },
    status: { type: "string", enum: ["new", "active"] },
    plan: { type: ["string", "null"] },
    code: { type: "string", readOnly: true },
  },
  required: ["name", "code"],
  ...{
  allOf: [
    {
      if: { required: ["status"], properties: { status: { const: "active" } } },
      then: { required: ["plan"] },
    },
  ],
  } as object,
};

const fields = (values: Parameters<typeof findingsOf>[1]) =>
  findingsOf(schema, values).map(({ field }) => field);

test("what fits has no findings", () => {
  expect(findingsOf(schema, { name: "a", due: 5, status: "new" })).toEqual([]);
});

test("each field is named once, and a field the server fills in is not", () => {
  expect(fields({ name: "", due: 40 }).sort()).toEqual(["due", "name"]);
});

test("a condition asks for a field only where it is met", () => {
  expect(fields({ name: "a", status: "active" })).toEqual(["plan"]);
  expect(fields({ name: "a", status: "new" })).toEqual([]);
});
