import { expect, test } from "vitest";
import type { Column } from "../api/types";
import { cellText, rate, valueAt } from "./format";

const column = (type: string, options = {}): Column => ({ field: "x", type, options });

test("money is written as Indonesians write it", () => {
  expect(cellText(column("money", { currency: "IDR" }), 150000).replace(/\s/g, " ")).toBe(
    "Rp 150.000",
  );
});

test("rates take the unit people say", () => {
  expect(rate(10_000_000)).toBe("10 Mbps");
  expect(rate(2_500_000_000)).toBe("2.5 Gbps");
});

test("a relation shows the title of its target, and its id when it is not expanded", () => {
  const relation = column("relation", { title_field: "name" });
  expect(cellText(relation, { id: "1", name: "Rumah" })).toBe("Rumah");
  expect(cellText(relation, "1")).toBe("1");
});

test("a path walks into an expanded relation and ends at nothing without one", () => {
  expect(valueAt({ id: "1", plan: { id: "2", name: "A" } }, "plan.name")).toBe("A");
  expect(valueAt({ id: "1", plan: null }, "plan.name")).toBeNull();
});
