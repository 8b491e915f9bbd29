import { expect, test } from "vitest";
import type { EntityForm } from "../api/types";
import { changesOf, controlsOf, initialValues } from "./values";

test("only what differs from the record is sent", () => {
  const record = { id: "1", name: "a", tags: ["x"], note: null };
  expect(changesOf(record, { id: "1", name: "b", tags: ["x"], note: null })).toEqual({ name: "b" });
});

test("a new record starts with constant defaults; the server fills in the others", () => {
  const form = {
    schema: {
      properties: {
        status: { default: "open" },
        at: { default: "$now" },
        code: { default: "x", readOnly: true },
      },
    },
  } as unknown as EntityForm;
  expect(initialValues(form)).toEqual({ status: "open" });
});

test("controls are found in any layout", () => {
  const ui = {
    type: "VerticalLayout",
    elements: [
      { type: "HorizontalLayout", elements: [{ type: "Control", scope: "#/properties/a" }] },
      { type: "Control", scope: "#/properties/b" },
    ],
  };
  expect(controlsOf(ui).map((control) => control.scope)).toEqual([
    "#/properties/a",
    "#/properties/b",
  ]);
});
