import { expect, test } from "vitest";
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
