import { expect, test } from "vitest";
import type { JsonObject } from "../api/types";
import { clausesOf, filterOf, nextSort, offeredOperators } from "./filters";

test.each<[JsonObject]>([
  [{}],
  [{ status: { _eq: "active" } }],
  [{ status: { _eq: "active" }, due: { _between: ["$now(-7 days)", "$now"] } }],
  [{ _and: [{ due: { _gte: 1 } }, { due: { _lte: 9 } }] }],
  [{ _or: [{ a: { _eq: 1 } }, { b: { _null: true } }] }],
])("a flat condition becomes lines and comes back the same: %j", (filter) => {
  const clauses = clausesOf(filter);
  expect(clauses).not.toBeNull();
  expect(clauses && filterOf(clauses)).toEqual(filter);
});

test.each<[JsonObject]>([
  [{ _or: [{ _and: [{ a: { _eq: 1 } }, { b: { _eq: 2 } }] }] }],
  [{ lines: { _some: { a: { _eq: 1 } } } }],
  [{ plan: { name: { _eq: "x" } } }],
  [{ _not: { a: { _eq: 1 } } }],
])("a nested condition is not torn apart: %j", (filter) => {
  expect(clausesOf(filter)).toBeNull();
});

test("a header sorts by itself, and with shift it joins the keys there are", () => {
  expect(nextSort("", "name", false)).toBe("name");
  expect(nextSort("name", "name", false)).toBe("-name");
  expect(nextSort("name", "due", true)).toBe("name,due");
  expect(nextSort("name,due", "name", true)).toBe("-name,due");
  expect(nextSort("-name,due", "name", true)).toBe("due");
});

test("only operators that the field has are offered", () => {
  expect(offeredOperators("text", ["_eq", "_icontains"])).toEqual(["_icontains", "_eq"]);
  expect(offeredOperators("geo_point", ["_null"])).toEqual(["_null"]);
});
