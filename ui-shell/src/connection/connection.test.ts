import { expect, test } from "vitest";
import { bodyOf, kindFor } from "./connection";

test("only the settings of the kind that have a text are sent", () => {
  const settings = { header: " X-Key ", prefix: "", username: "left from another kind" };
  expect(bodyOf("api_key", settings, "k")).toEqual({
    kind: "api_key",
    settings: { header: "X-Key" },
    secret: "k",
  });
});

test("a secret that was not typed is not sent, so the stored one stays", () => {
  expect(bodyOf("bearer", {}, "")).toEqual({ kind: "bearer", settings: {} });
});

test.each([
  ["jwt", "bearer"],
  ["oauth", "oauth2_client_credentials"],
  ["api_key", "api_key"],
  [undefined, "api_key"],
])("a service that wants %s is begun with %s", (authType, kind) => {
  expect(kindFor(authType)).toBe(kind);
});
