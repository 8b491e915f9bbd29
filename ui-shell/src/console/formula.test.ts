import { expect, test } from "vitest";
import type { Json } from "../api/types";
import { parseFormula } from "./formula";
import { formulaText } from "./formulaText";

const FIELDS = ["quantity", "price", "discount", "name", "paid", "and"];
const [a, b, c] = [{ field: "quantity" }, { field: "price" }, { field: "discount" }];

const SAME: [string, Json][] = [
  ["quantity", a],
  ["12.5", 12.5],
  ["-3", -3],
  ["1e-7", 1e-7],
  ['"say ""hello"""', 'say "hello"'],
  ["true", true],
  ["false", false],
  ["null", null],
  ["[and]", { field: "and" }],
  ["quantity + price + discount", { _add: [a, b, c] }],
  ["(quantity + price) + discount", { _add: [{ _add: [a, b] }, c] }],
  ["quantity + (price + discount)", { _add: [a, { _add: [b, c] }] }],
  ["quantity * price - discount", { _sub: [{ _mul: [a, b] }, c] }],
  ["quantity - price - discount", { _sub: [{ _sub: [a, b] }, c] }],
  ["quantity - (price - discount)", { _sub: [a, { _sub: [b, c] }] }],
  ["quantity - price + discount", { _add: [{ _sub: [a, b] }, c] }],
  ["quantity + price - discount", { _sub: [{ _add: [a, b] }, c] }],
  ["quantity * (price - discount)", { _mul: [a, { _sub: [b, c] }] }],
  ["quantity * price * -2", { _mul: [a, b, -2] }],
  ["quantity / price / discount", { _div: [{ _div: [a, b] }, c] }],
  ['"No. " & quantity & name', { _concat: ["No. ", a, { field: "name" }] }],
  ["quantity = price", { _eq: [a, b] }],
  ["quantity <> price", { _neq: [a, b] }],
  ["quantity < price", { _lt: [a, b] }],
  ["quantity <= price", { _lte: [a, b] }],
  ["quantity > price", { _gt: [a, b] }],
  ["quantity >= price", { _gte: [a, b] }],
  ["(quantity = price) = paid", { _eq: [{ _eq: [a, b] }, { field: "paid" }] }],
  ["paid and quantity > 1 and true", { _and: [{ field: "paid" }, { _gt: [a, 1] }, true] }],
  ["paid or quantity > 1", { _or: [{ field: "paid" }, { _gt: [a, 1] }] }],
  ["(paid or true) and false", { _and: [{ _or: [{ field: "paid" }, true] }, false] }],
  ["not paid and true", { _and: [{ _not: [{ field: "paid" }] }, true] }],
  ["not (paid and true)", { _not: [{ _and: [{ field: "paid" }, true] }] }],
  ["not quantity = 1", { _not: [{ _eq: [a, 1] }] }],
  ["not not paid", { _not: [{ _not: [{ field: "paid" }] }] }],
  ["(not paid) = true", { _eq: [{ _not: [{ field: "paid" }] }, true] }],
  ["round(quantity / price, 2)", { _round: [{ _div: [a, b] }, 2] }],
  ["floor(quantity)", { _floor: [a] }],
  ["ceil(quantity)", { _ceil: [a] }],
  ["min(quantity, price)", { _min: [a, b] }],
  ["max(quantity, price, 0)", { _max: [a, b, 0] }],
  ["coalesce(discount, 0)", { _coalesce: [c, 0] }],
  ["length(name)", { _length: [{ field: "name" }] }],
  ["lower(name)", { _lower: [{ field: "name" }] }],
  ["upper(name)", { _upper: [{ field: "name" }] }],
  ["concat(name)", { _concat: [{ field: "name" }] }],
  ["if(quantity > 10, price, 0)", { _if: { if: { _gt: [a, 10] }, then: b, else: 0 } }],
];

test.each(SAME)("%s is read and written again", (text, expression) => {
  expect(parseFormula(text, FIELDS)).toEqual({ expression });
  expect(formulaText(expression)).toBe(text);
});

test.each<[string, Json]>([
  ["quantity!=price", { _neq: [a, b] }],
  ["ROUND(quantity; 0)", { _round: [a, 0] }],
  ["'it''s'", "it's"],
  ["-quantity", { _sub: [0, a] }],
  [" [quantity]*2\n", { _mul: [a, 2] }],
  [".5", 0.5],
  ["paid AND true", { _and: [{ field: "paid" }, true] }],
])("%s is understood as well", (text, expression) => {
  expect(parseFormula(text, FIELDS)).toEqual({ expression });
});

test("one operand alone reads as a list of one", () => {
  expect(formulaText({ _floor: a })).toBe("floor(quantity)");
});

test.each<[string, number, string]>([
  ["", 0, "formulaEnd"],
  ["quantity *", 10, "formulaEnd"],
  ["quantity * * price", 11, "formulaUnexpected"],
  ["quantity price", 9, "formulaExtra"],
  ["quantity < price < 3", 17, "formulaExtra"],
  ["quantity ^ 2", 9, "formulaExtra"],
  ["(quantity + 1", 0, "formulaBracket"],
  ["round(quantity, 2", 5, "formulaBracket"],
  ["quantity)", 8, "formulaExtra"],
  ["quantity * 0,11", 12, "formulaComma"],
  ["(1,5)", 2, "formulaComma"],
  ['name & "open', 7, "formulaText"],
  ["quantity * cost", 11, "formulaField"],
  ["[unit price]", 0, "formulaField"],
  ["sum(quantity)", 0, "formulaFunction"],
  ["1 + if(paid, 1)", 4, "formulaCount"],
  ["min(quantity)", 0, "formulaCount"],
  ["floor()", 0, "formulaCount"],
  ["round(quantity, 11)", 16, "formulaPlaces"],
  ["round(quantity, price)", 16, "formulaPlaces"],
  ["1 + and", 4, "formulaUnexpected"],
])("%j is wrong at %i: %s", (text, at, key) => {
  expect(parseFormula(text, FIELDS)).toMatchObject({ mistake: { at, key: `console.${key}` } });
});

test("brackets without end are refused, not followed", () => {
  expect(parseFormula("(".repeat(2000), FIELDS)).toHaveProperty("mistake");
});

test("an unknown field is named beside those there are", () => {
  expect(parseFormula("cost", ["price", "name"])).toMatchObject({
    mistake: { values: { name: "cost", known: "price, name" } },
  });
});

test.each<[Json]>([
  [{ _power: [a, 2] }],
  [{ _add: [a] }],
  [{ _sub: [a, b, c] }],
  [{ _round: [a, b] }],
  [{ _if: { if: true, then: 1 } }],
  [{ _add: [1, 2], _sub: [1, 2] }],
  [{ _add: [1, { _power: [a, 2] }] }],
  [{ field: 3 }],
  [{}],
  [[1, 2]],
])("%j has no formula", (expression) => {
  expect(formulaText(expression)).toBeNull();
});
