import { expect, test } from "vitest";
import type { EntityForm } from "../api/types";
import { reasonOf } from "./findings";

const form = {
  list: { columns: [], available: [{ field: "due_day", label: "Due day of the month", type: "integer" }] },
} as unknown as EntityForm;
const limit = { field: "due_day", code: "maximum", message: "Enter at most 28." };

test.each([
  ["the field and what is wrong with it", [limit], "Due day of the month: Enter at most 28."],
  ["a field without a label by its name", [{ ...limit, field: "first_name" }], "First name: Enter at most 28."],
  ["a rule of the whole record", [{ field: "", code: "rule", message: "Choose a plan." }], "Choose a plan."],
  ["the first of many", [limit, { ...limit, field: "name" }], "Due day of the month: Enter at most 28."],
  ["what was said of all where nothing is named", [], "1 field does not fit."],
])("a refusal names %s", (_, details, said) => {
  expect(reasonOf(form, { message: "1 field does not fit.", details })).toBe(said);
});

test("a refusal without a word is no word", () => {
  expect(reasonOf(form, undefined)).toBe("");
});
