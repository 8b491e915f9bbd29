import { expect, test } from "vitest";
import type { JsonObject } from "../api/types";
import { withMenu } from "./definition";
import { endpointsOf, inputsOf, newExternal, withValue } from "./external";

test("an emptied value brings the default back", () => {
  expect(withValue({ id: "a", rate_limit: 5 }, "rate_limit", null)).toEqual({ id: "a" });
  expect(withValue({ id: "a" }, "path", "/x")).toEqual({ id: "a", path: "/x" });
});

test("endpoints that the form cannot show are left to the JSON", () => {
  const service = newExternal();
  expect(endpointsOf(service)).toHaveLength(1);
  expect(endpointsOf({ ...service, endpoints: [{ id: "a" }] })).toBeNull();
});

test("the inputs of an endpoint are the properties of its schema", () => {
  const endpoint = { id: "a", name: "send", path: "/send" };
  expect(inputsOf(endpoint)).toEqual([]);
  const request_schema = { type: "object", properties: { to: {}, text: {} } };
  expect(inputsOf({ ...endpoint, request_schema })).toEqual(["to", "text"]);
});

test("a new external service gets a menu entry for each named endpoint", () => {
  const endpoints: JsonObject[] = [
    { id: "a", name: "send", path: "/send", label: { en: "Send" } },
    { id: "b", name: "", path: "/" },
  ];
  const { menu } = withMenu({ ...newExternal(), endpoints });
  const { items } = menu as { items: object[] };
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({ name: "send", endpoint: "send", label: { en: "Send" } });
  expect(items[0]).not.toHaveProperty("entity");
});
