import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { EntityRecord, JsonObject, PropertySchema } from "../api/types";
import { findingsOf } from "./validate";
import { bodyOf, changesOf, initialValues } from "./values";

type Vector = {
  form: string;
  edits: boolean;
  values: JsonObject;
  body: JsonObject;
  wrong: string[];
};
type File = {
  record: EntityRecord;
  forms: { [name: string]: { schema: PropertySchema } };
  vectors: Vector[];
};

const file = JSON.parse(readFileSync("../tests/vectors/forms.json", "utf8")) as File;

const named = file.vectors.map((vector): [string, Vector] => [
  `${vector.form} ${vector.edits ? "edits" : "adds"} ${JSON.stringify(vector.values)}`,
  vector,
]);

test.each(named)("the server's answer: %s", (_, vector) => {
  const { schema } = file.forms[vector.form]!;
  const start = vector.edits ? initialValues(schema, file.record) : null;
  const values = { ...start, ...vector.values };
  const body = start ? changesOf(schema, start, values) : bodyOf(schema, values);
  expect(body).toEqual(vector.body);
  const found = findingsOf(schema, values, start).map(({ field }) => field);
  expect(found.sort()).toEqual(vector.wrong);
});

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
