import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { evaluate, type Field, type Fields, type Variables } from "./conditionLanguage";

type Vector = { record: string; if: unknown; is: boolean | "refused" };
type Definition = {
  name: string;
  type: string;
  currency?: string;
  options?: string[];
  result?: { type: string };
  fields?: Definition[];
};
type File = {
  fields: Definition[];
  now: string;
  today: string;
  user: { id: string };
  tenant: { id: string };
  records: Record<string, Record<string, unknown>>;
  vectors: Vector[];
};

const file = JSON.parse(
  readFileSync("../tests/vectors/conditions.json", "utf8"),
) as File;
// What the form's controls say of a field: the type shown, digits of money, choices.
const fieldsOf = (definitions: Definition[]): Fields =>
  Object.fromEntries(definitions.map((field) => [field.name, fieldOf(field)]));
const fieldOf = ({ type, currency, options, result, fields }: Definition): Field => ({
  type: result?.type ?? type,
  digits: currency === "USD" ? 2 : 0,
  options,
  fields: fieldsOf(fields ?? []),
});
const fields = fieldsOf(file.fields);

const variables: Variables = (name, offset, unit) => {
  if (name === "user.id") return file.user.id;
  if (name === "tenant.id") return file.tenant.id;
  if (name !== "now" && name !== "today") return null;
  const moment = new Date(file.now);
  if (unit === "month") moment.setUTCMonth(moment.getUTCMonth() + offset);
  else moment.setTime(moment.getTime() + offset * (unit === "hour" ? 3_600_000 : 86_400_000));
  return name === "now" ? moment.toISOString() : moment.toISOString().slice(0, 10);
};

test.each(file.vectors)("$record: $if", (vector) => {
  const record = file.records[vector.record] ?? {};
  // What SQL refuses is not met where nobody can be told.
  expect(evaluate(vector.if, record, fields, variables)).toBe(vector.is === true);
});
