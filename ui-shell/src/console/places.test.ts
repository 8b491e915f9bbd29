import { expect, test } from "vitest";
import type { Json } from "../api/types";
import { placeOf } from "./places";

const definition: Json = {
  name: "workshop",
  requires: ["customers"],
  entities: [
    {
      name: "repairs",
      label: { en: "Repairs", id: "Perbaikan" },
      fields: [
        { name: "unit_price", type: "money" },
        { name: "parts", label: "Parts", type: "lines", fields: [{ name: "", type: "text" }] },
      ],
      actions: { close: { when: {} } },
      unique: [["unit_price"]],
    },
  ],
  menu: { items: [{ id: "m", name: "all", label: { id: "Semua" } }] },
};

test.each<[string, string]>([
  ["", ""],
  ["/name", "Name"],
  ["/requires", "Requires"],
  ["/requires/0", "Requires → 1"],
  ["/entities/0", "Repairs"],
  ["/entities/0/fields/0", "Repairs → Unit price"],
  ["/entities/0/fields/0/max_length", "Repairs → Unit price → Max length"],
  ["/entities/0/fields/1/fields/0/name", "Repairs → Parts → Fields → 1 → Name"],
  ["/entities/0/actions/close/when", "Repairs → Actions → Close → When"],
  ["/entities/0/unique/0/0", "Repairs → Unique → 1 → 1"],
  ["/entities/7/fields", "Entities → 8 → Fields"],
  ["/menu/items/0", "Menu → Semua"],
  ["/a~1b", "A/b"],
])("%s is said as %s", (pointer, words) => {
  expect(placeOf(definition, pointer).join(" → ")).toBe(words);
});

test("without a definition the pointer's own words remain", () => {
  expect(placeOf(undefined, "/entities/0")).toEqual(["Entities", "0"]);
});
