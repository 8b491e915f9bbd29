import { expect, test } from "vitest";
import {
  type FieldDefinition,
  idsOf,
  innerFields,
  renamed,
  type ServiceDefinition,
  withEntity,
  withType,
} from "./definition";

const relation: FieldDefinition = { id: "r", name: "r", type: "relation", to: "shop.orders" };
const lines: FieldDefinition = { id: "l", name: "l", type: "lines", fields: [relation] };
const shop: ServiceDefinition = {
  id: "s",
  name: "shop",
  entities: [{ id: "e", name: "orders", fields: [lines] }],
};
const target = (service: ServiceDefinition) =>
  innerFields(service.entities[0]?.fields[0] ?? lines)?.[0]?.to;

test("lines start with one field and lose it with their type", () => {
  const made = withType({ id: "f", name: "f", type: "text", pattern: "x" }, "lines");
  expect(innerFields(made)).toHaveLength(1);
  expect(made).not.toHaveProperty("pattern");
  expect(withType(made, "text")).toEqual({ id: "f", name: "f", type: "text" });
});

test("a computed field starts with a result and is not required", () => {
  const made = withType({ id: "f", name: "f", type: "text", required: true, search: true }, "computed");
  expect(made).toEqual({
    id: "f",
    name: "f",
    type: "computed",
    search: true,
    result: { type: "decimal" },
  });
});

test("the fields of lines are known by their ids", () => {
  expect([...idsOf(shop)]).toEqual(["e", "l", "r"]);
});

test("a relation within lines follows new names", () => {
  expect(target(renamed(shop, { ...shop, name: "store" }))).toBe("store.orders");
  const next = { id: "e", name: "bills", fields: [lines] };
  expect(target(withEntity(shop, next))).toBe("shop.bills");
});

test.each([[{ type: "text" }], ["text"], [[]]])("%j is no field of lines", (item) => {
  expect(innerFields({ ...lines, fields: [item] })).toBeNull();
});
