import { expect, test } from "vitest";
import type { PropertySchema } from "../api/types";
import { callOf, type EndpointForm, isAskedAtOnce } from "./call";

const form = (changes: Partial<EndpointForm>): EndpointForm => ({
  service: "pets",
  service_label: { en: "Pets" },
  endpoint: "replace_pet",
  label: { en: "Replace" },
  description: null,
  method: "PUT",
  path: "/pets/{petId}",
  schema: { type: "object", properties: { id: {}, name: {} } },
  ui: { type: "VerticalLayout" },
  parameters: [{ input: "id", name: "petId", in: "path" }],
  body: null,
  media_type: "application/json",
  response_schema: {},
  ...changes,
});

test("what goes into the path is no part of the body, and cannot leave its place", () => {
  const call = callOf(form({}), { id: "../a b?x", name: "Rex" });
  expect(call.path).toBe("/gateway/pets/pets/..%2Fa%20b%3Fx");
  expect(call.body).toEqual({ name: "Rex" });
});

test("queries are written as their style wants it, headers by their names", () => {
  const properties = { a: {}, b: { "x-style": "comma" }, c: { "x-style": "deepObject" }, h: {} } as PropertySchema["properties"];
  const call = callOf(
    form({
      method: "GET",
      path: "/pets",
      schema: { type: "object", ...(properties && { properties }) },
      parameters: [
        { input: "a", name: "a", in: "query" },
        { input: "b", name: "b", in: "query" },
        { input: "c", name: "c", in: "query" },
        { input: "h", name: "X-Trace", in: "header" },
      ],
    }),
    { a: [1, 2], b: ["x", "y"], c: { k: true }, h: "t" },
  );
  expect(call.path).toBe("/gateway/pets/pets?a=1&a=2&b=x%2Cy&c%5Bk%5D=true");
  expect(call.headers).toEqual({ "X-Trace": "t" });
  expect(call.body).toBeUndefined();
});

test("an input may be the whole body", () => {
  const schema = { type: "object", properties: { body: { type: "array" } } };
  const call = callOf(form({ path: "/find", schema, parameters: [], body: "body" }), {
    body: ["a"],
  });
  expect(call.body).toEqual(["a"]);
});

test("a call without inputs of its own has no body", () => {
  const call = callOf(form({ schema: { type: "object", properties: { id: {} } } }), { id: "1" });
  expect(call.body).toBeUndefined();
});

test("form-encoded bodies are written so", async () => {
  const media_type = "application/x-www-form-urlencoded";
  const { body } = callOf(form({ media_type }), { id: "1", name: "a b" });
  expect(body).toBeInstanceOf(Blob);
  expect((body as Blob).type).toBe(media_type);
  expect(await (body as Blob).text()).toBe("name=a+b");
});

test.each([
  ["GET", [], true],
  ["GET", ["id"], false],
  ["POST", [], false],
])("%s with %j to fill in is asked at once: %s", (method, required, isAsked) => {
  expect(isAskedAtOnce(form({ method, schema: { type: "object", required } }))).toBe(isAsked);
});
