import { expect, test } from "vitest";
import type { EntityForm } from "../api/types";
import { allows, fixedBecause } from "./offers";

test("a record allows what it does not refuse", () => {
  expect(allows({ id: "1" }, "delete")).toBe(true);
  expect(allows({ id: "1", _actions: { update: true } }, "delete")).toBe(true);
  expect(allows({ id: "1", _actions: { delete: false } }, "delete")).toBe(false);
});

test("only a record that is fixed tells why, and only where its form knows", () => {
  const form = { fixed: { field: "is_system", reason: { en: "Stays." } } } as unknown as EntityForm;
  expect(fixedBecause(form, { id: "1", is_system: true })).toBe("Stays.");
  expect(fixedBecause(form, { id: "1", is_system: false })).toBe(null);
  expect(fixedBecause(form, { id: "1" })).toBe(null);
  expect(fixedBecause({ ...form, fixed: null }, { id: "1", is_system: true })).toBe(null);
});
