import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { EntityRecord, JsonObject } from "../api/types";
import { setLocale } from "../i18n";
import type { Ruled } from "./rules";
import { findingsOf } from "./validate";
import { bodyOf, changesOf, initialValues } from "./values";

type Vector = {
  form: string;
  edits: boolean;
  values: JsonObject;
  body: JsonObject;
  wrong: string[];
  says?: { [field: string]: string };
};
type File = {
  record: EntityRecord;
  forms: { [name: string]: Ruled };
  vectors: Vector[];
};

const file = JSON.parse(readFileSync("../tests/vectors/forms.json", "utf8")) as File;

const named = file.vectors.map((vector): [string, Vector] => [
  `${vector.form} ${vector.edits ? "edits" : "adds"} ${JSON.stringify(vector.values)}`,
  vector,
]);

test.each(named)("the server's answer: %s", (_, vector) => {
  const form = file.forms[vector.form]!;
  const { schema } = form;
  const start = vector.edits ? initialValues(schema, file.record) : null;
  const values = { ...start, ...vector.values };
  const body = start ? changesOf(schema, start, values) : bodyOf(schema, values);
  expect(body).toEqual(vector.body);
  const found = findingsOf(form, values, start);
  expect(found.map(({ field }) => field).sort()).toEqual(vector.wrong);
  for (const { field, code, message } of found) {
    const said = vector.says?.[field];
    if (said !== undefined) expect([field, code, message]).toEqual([field, code, said]);
  }
});

const form: Ruled = {
  schema: {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1 },
      due: { type: ["integer", "null"], minimum: 1, maximum: 28 },
      status: { type: "string", enum: ["new", "active"] },
      plan: { type: ["string", "null"] },
      code: { type: "string", readOnly: true },
    },
    required: ["name", "code"],
    allOf: [{ required: ["said again for other clients"] }],
  },
  rules: [
    {
      if: { status: { _eq: "active" } },
      then: { required: ["plan"] },
      message: { en: "Choose a plan first.", id: "Pilih paket dulu." },
    },
    {
      if: { status: { _eq: "active" } },
      then: { readonly: ["name"], check: { due: { _null: false } } },
      message: null,
    },
  ],
  rule_fields: {
    status: { type: "choice", options: ["new", "active"] },
    plan: { type: "relation" },
    name: { type: "text" },
    due: { type: "integer" },
  },
};

const fields = (values: JsonObject) => findingsOf(form, values).map(({ field }) => field);

test("what fits has no findings", () => {
  expect(findingsOf(form, { name: "a", due: 5, status: "new" })).toEqual([]);
});

test("each field is named once, and a field the server fills in is not", () => {
  expect(fields({ name: "", due: 40 }).sort()).toEqual(["due", "name"]);
});

test("a rule asks for a field only where its condition is met", () => {
  expect(fields({ name: "a", status: "active", due: 1 })).toEqual(["plan"]);
  expect(fields({ name: "a", status: "new" })).toEqual([]);
});

test("a rule speaks with its own words, or with those for its demand", () => {
  const id = "00000000-0000-4000-8000-00000000000a";
  expect(findingsOf(form, { name: "a", status: "active" })).toEqual([
    { field: "plan", code: "required", message: "Choose a plan first." },
    { field: "", code: "rule", message: "These values do not go together." },
  ]);
  const start = { name: "a", status: "active", due: 1, plan: id };
  expect(findingsOf(form, { ...start, name: "b" }, start)).toEqual([
    { field: "name", code: "readonly", message: "This can no longer change." },
  ]);
});

test("what starts with a dollar sign is a text, not a variable", () => {
  const id = "00000000-0000-4000-8000-00000000000a";
  const start = { name: "$today", status: "active", due: 1, plan: id };
  expect(findingsOf(form, { ...start, name: " $today " }, start)).toEqual([]);
  expect(findingsOf(form, { ...start, name: "$now" }, start)).toHaveLength(1);
});

test("a record that breaks a rule already may be left as it is", () => {
  const start = { name: "a", status: "active", due: null, plan: null };
  expect(findingsOf(form, start, start)).toEqual([]);
});

test("a default that the server fills in is not asked for", () => {
  const today = { ...form.schema.properties, plan: { default: "$today" } };
  const filled = { ...form, schema: { ...form.schema, properties: today } };
  expect(findingsOf(filled, { name: "a", status: "active", due: 1 })).toEqual([]);
});

const limited: Ruled = {
  schema: {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1, maxLength: 5 },
      code: { type: ["string", "null"], minLength: 3 },
      due: { type: ["integer", "null"], minimum: 1, maximum: 28 },
      share: { anyOf: [{ type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }, { type: "null" }] },
      status: { type: "string", enum: ["new", "active"] },
      words: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 2 },
      pair: { type: "array", items: { type: "string" }, minItems: 2 },
      count: { $ref: "#/$defs/count" },
      "a/b": { type: "integer", maximum: 9 },
      lines: {
        type: "array",
        items: { type: "object", properties: { quantity: { type: "integer", minimum: 2 } } },
      },
    },
    $defs: { count: { type: "integer", maximum: 7 } },
  },
};

test.each<[JsonObject, string, string]>([
  [{ name: "" }, "Enter a value.", "Isi kolom ini."],
  [{ name: "abcdef" }, "Enter at most 5 characters.", "Isi maksimal 5 karakter."],
  [{ code: "ab" }, "Enter at least 3 characters.", "Isi minimal 3 karakter."],
  [{ due: 0 }, "Enter at least 1.", "Isi minimal 1."],
  [{ due: 31 }, "Enter at most 28.", "Isi maksimal 28."],
  [{ share: 0 }, "Enter at least 0 (not 0 itself).", "Isi minimal 0 (bukan 0 itu sendiri)."],
  [{ share: 1 }, "Enter at most 1 (not 1 itself).", "Isi maksimal 1 (bukan 1 itu sendiri)."],
  [{ status: "gone" }, "Choose one of the list.", "Pilih salah satu dari daftar."],
  [{ words: [] }, "Enter a value.", "Isi kolom ini."],
  [{ words: ["a", "b", "c"] }, "Give at most 2 entries.", "Beri maksimal 2 isian."],
  [{ pair: ["a"] }, "Give at least 2 entries.", "Beri minimal 2 isian."],
  [{ count: 8 }, "Enter at most 7.", "Isi maksimal 7."],
  [{ "a/b": 10 }, "Enter at most 9.", "Isi maksimal 9."],
  [{ lines: [{ quantity: 1 }] }, "Enter at least 2.", "Isi minimal 2."],
])("what does not fit is told with its limit: %j", async (values, en, id) => {
  const said = () => findingsOf(limited, values).map(({ message }) => message);
  expect(said()).toEqual([en]);
  await setLocale("id");
  try {
    expect(said()).toEqual([id]);
  } finally {
    await setLocale("en");
  }
});
