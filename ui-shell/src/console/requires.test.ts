import { expect, test } from "vitest";
import type { Json } from "../api/types";
import type { FieldDefinition, ServiceDefinition } from "./definition";
import { withRequires } from "./requires";

const relation = (to: string): FieldDefinition => ({ id: "r", name: "r", type: "relation", to });
const service = (fields: FieldDefinition[], requires?: Json[]): ServiceDefinition => ({
  id: "s",
  name: "repairs",
  ...(requires ? { requires } : {}),
  entities: [{ id: "e", name: "repairs", fields }],
});
const NONE: ReadonlySet<string> = new Set();

test("a relation to another service requires that service", () => {
  const ruled = withRequires(service([relation("customers.customers")]), NONE);
  expect(ruled.definition.requires).toEqual(["customers"]);
  expect([...ruled.added]).toEqual(["customers"]);
});

test("a relation within lines requires its service too", () => {
  const lines = { id: "l", name: "l", type: "lines", fields: [relation("parts.parts")] };
  expect(withRequires(service([lines]), NONE).definition.requires).toEqual(["parts"]);
});

test.each(["repairs.repairs", "platform.users", ""])("%j requires nothing", (to) => {
  const before = service([relation(to)]);
  expect(withRequires(before, NONE).definition).toBe(before);
});

test("what was added goes with the last relation, what was written stays", () => {
  const first = withRequires(service([relation("customers.customers")], ["parts"]), NONE);
  expect(first.definition.requires).toEqual(["parts", "customers"]);
  const bare = { ...first.definition, entities: service([]).entities };
  expect(withRequires(bare, first.added).definition.requires).toEqual(["parts"]);
  expect(withRequires(bare, NONE).definition.requires).toEqual(["parts", "customers"]);
});

test("no empty list is left behind", () => {
  const first = withRequires(service([relation("customers.customers")]), NONE);
  const bare = { ...first.definition, entities: service([]).entities };
  expect(withRequires(bare, first.added).definition).not.toHaveProperty("requires");
});
