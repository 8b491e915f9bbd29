import { expect, test } from "vitest";
import { inReadingOrder } from "./order";

test("a definition begins with what it is of, its parts too, a schema stays as it is", () => {
  const stored = {
    id: "s",
    menu: { items: [{ id: "m", icon: "x", name: "things", entity: "things" }] },
    name: "repairs",
    $schema: "rangka:service/1",
    entities: [{ id: "e", list: { sort: ["name"] }, name: "things", fields: [] }],
    endpoints: [{ path: "/a", id: "p", request_schema: { properties: { to: {}, id: {} } } }],
  };
  const shown = inReadingOrder(stored);
  expect(shown).toEqual(stored);
  expect(Object.keys(shown)).toEqual(["$schema", "id", "name", "menu", "entities", "endpoints"]);
  expect(Object.keys(shown.menu.items[0]!)).toEqual(["id", "name", "icon", "entity"]);
  expect(Object.keys(shown.entities[0]!)).toEqual(["id", "name", "list", "fields"]);
  const [endpoint] = shown.endpoints;
  expect(Object.keys(endpoint!.request_schema.properties)).toEqual(["to", "id"]);
});
