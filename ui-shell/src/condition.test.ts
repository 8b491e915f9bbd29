import { expect, test } from "vitest";
import type { JsonObject, Rule } from "./api/types";
import { effectOf } from "./condition";

const rule = (effect: "SHOW" | "HIDE" | "DISABLE") => ({
  effect,
  condition: { scope: "#/properties/status", schema: { const: "active" } },
});

test.each([
  ["SHOW", "active", { visible: true, enabled: true }],
  ["SHOW", "new", { visible: false, enabled: true }],
  ["HIDE", "active", { visible: false, enabled: true }],
  ["DISABLE", "active", { visible: true, enabled: false }],
] as const)("%s with status %s", (effect, status, expected) => {
  expect(effectOf(rule(effect), { status })).toEqual(expected);
});

test.each([
  [{ not: { const: "active" } }, "new", true],
  [{ not: { const: "active" } }, "active", false],
  [{ type: "number", exclusiveMinimum: 5 }, 5, false],
  [{ type: "number", minimum: 5 }, undefined, false],
  [{ enum: ["a", null] }, undefined, true],
  [{ type: "string", pattern: "^a" }, "ab", true],
] as const)("%j over %j is %s", (schema, value, met) => {
  const rule = { effect: "SHOW", condition: { scope: "#/properties/x", schema } };
  expect(effectOf(rule as unknown as Rule, { x: value } as JsonObject).visible).toBe(met);
});
