import { expect, test } from "vitest";
import type { Json, JsonObject } from "../api/types";
import {
  clausesOf,
  filterOf,
  isReversed,
  namedBy,
  nextSort,
  offeredOperators,
  reversedFields,
} from "./filters";

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

test("what is made from a list begins with the records that its filter names", () => {
  const columns = [
    { field: "plan", type: "relation" },
    { field: "router", type: "relation" },
    { field: "status", type: "choice" },
  ];
  const plan = { plan: { _eq: "1" } };
  expect(namedBy(plan, columns)).toEqual({ plan: "1" });
  expect(namedBy({ ...plan, status: { _eq: "new" } }, columns)).toEqual({ plan: "1" });
  expect(namedBy({ _and: [plan, { router: { _eq: "2" } }] }, columns)).toEqual({
    plan: "1",
    router: "2",
  });
  const none: JsonObject[] = [
    {},
    { plan: { _neq: "1" } },
    { plan: { _in: ["1"] } },
    { plan: { name: { _eq: "1" } } },
    { _or: [plan, { router: { _eq: "2" } }] },
    { _not: plan },
  ];
  for (const filter of none) expect(namedBy(filter, columns)).toEqual({});
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

const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString();

test.each<[string, Json, Json, boolean]>([
  ["date", "2026-02-01", "2026-01-31", true],
  ["date", "2026-01-31", "2026-01-31", false],
  ["date", "2026-01-31", "2026-02-01", false],
  ["datetime", "2026-01-31T10:00:00.000Z", "2026-01-31T09:59:00.000Z", true],
  ["datetime", "$now", "$now(-7 days)", true],
  ["date", "$today(-30 days)", "$today", false],
  ["date", "$today", "$today", false],
  ["date", "$today", day(0).slice(0, 10), false],
  ["date", day(1).slice(0, 10), "$today", false],
  ["date", "2999-01-01", "$today", true],
  ["date", "$today", "2999-01-01", false],
  ["integer", 10, 9, true],
  ["decimal", "10", "9.5", true],
  ["decimal", "9", "10", false],
  ["text", "9", "10", false],
  ["text", "10", "9", false],
  ["date", null, "2026-01-31", false],
  ["integer", 5, "", false],
])("a range of %s from %j to %j is backwards: %j", (type, from, to, backwards) => {
  expect(isReversed(type, from, to)).toBe(backwards);
});

test.each<[JsonObject, string[]]>([
  [{ due: { _between: ["2026-02-01", "2026-01-01"] } }, ["due"]],
  [{ due: { _between: ["2026-01-01", "2026-02-01"] } }, []],
  [{ due: { _gte: "2026-02-01", _lte: "2026-01-01" } }, ["due"]],
  [{ due: { _gte: "2026-02-01" }, paid: { _lte: "2026-01-01" } }, []],
  [{ _or: [{ due: { _gte: "2026-02-01" } }, { due: { _lte: "2026-01-01" } }] }, []],
  [
    { _or: [{ due: { _between: ["2026-02-01", "2026-01-01"] } }, { name: { _eq: "a" } }] },
    ["due"],
  ],
])("the fields of %j that no value can meet are %j", (filter, fields) => {
  const clauses = clausesOf(filter);
  expect(clauses && reversedFields(clauses, () => "date")).toEqual(fields);
});
