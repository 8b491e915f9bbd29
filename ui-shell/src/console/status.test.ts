import { expect, test } from "vitest";
import { statusOf } from "./status";

test.each<[number | null, string, string]>([
  [null, "active", "Draft"],
  [1, "active", "Active"],
  [2, "in_repair", "In repair"],
])("version %j with status %s is shown as %s", (published_version, status, shown) => {
  expect(statusOf({ published_version, status })).toBe(shown);
});
