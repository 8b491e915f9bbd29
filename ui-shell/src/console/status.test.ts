import { beforeAll, expect, test } from "vitest";
import { loadConsoleTexts } from "../i18n";
import { statusOf } from "./status";

beforeAll(loadConsoleTexts);

test.each<[number | null, string, string]>([
  [null, "active", "Draft"],
  [1, "active", "Active"],
  [1, "maintenance", "Under maintenance"],
  [1, "inactive", "Inactive"],
  [2, "in_repair", "In repair"],
])("version %j with status %s is shown as %s", (published_version, status, shown) => {
  expect(statusOf({ published_version, status })).toBe(shown);
});
