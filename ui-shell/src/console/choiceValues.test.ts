import { expect, test } from "vitest";
import type { Json } from "../api/types";
import { choicesOf } from "./choiceValues";

const red = { value: "red", label: { en: "Red", id: "Merah" }, color: "#c92a2a" };

test.each<[string, string, Json[]]>([
  ["lines", "red\ngreen\n\n  blue ", ["red", "green", "blue"]],
  ["one value", "red", ["red"]],
  ["a line with commas", "a, b,c", ["a", "b", "c"]],
  ["a line with commas that goes on", "a, b,", ["a", "b"]],
  ["lines of which one has a comma", "Depok, West Java\nBogor", ["Depok, West Java", "Bogor"]],
  ["a JSON list", '["a", "b"]', ["a", "b"]],
  ["a JSON list over lines", '[\n  "a, b",\n  "c"\n]\n', ["a, b", "c"]],
  ["the JSON of a field", '{"options": ["a", "b"]}', ["a", "b"]],
  ["JSON with numbers", "[1, 2]", ["1", "2"]],
  ["JSON with labels", JSON.stringify({ options: [red, "b"] }), [red, "b"]],
  ["JSON that is not whole yet", '["a"\n"b"', ['["a"', '"b"']],
  ["JSON of something else", '{"colour": "red"}', ['{"colour": "red"}']],
  ["nothing", " \n ", []],
])("%s are the values they mean", (_, text, values) => {
  expect(choicesOf(text, [])).toEqual(values);
});

test("a value that was there keeps its label and colour however it is written", () => {
  for (const text of ["red\nblue", "red, blue", '["red", "blue"]']) {
    expect(choicesOf(text, [red])).toEqual([red, "blue"]);
  }
});

test("a value with a comma that was there is not torn apart", () => {
  expect(choicesOf("Depok, West Java", ["Depok, West Java"])).toEqual(["Depok, West Java"]);
});
