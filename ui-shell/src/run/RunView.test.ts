import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { createElement } from "react";
import { afterEach, expect, test } from "vitest";
import { setLocale } from "../i18n";
import { ResultsOfRun } from "./RunView";

const steps = (count: number, outcome: string) =>
  Array.from({ length: count }, (_, at) => ({
    number: at + 1,
    verb: "add",
    kind: "secret",
    name: `CUST${at}`,
    outcome,
    reason: outcome === "failed" ? "other entries still name it" : "",
  }));

const show = (results: Parameters<typeof ResultsOfRun>[0]["results"]) =>
  render(createElement(MantineProvider, null, createElement(ResultsOfRun, { results })));

afterEach(async () => {
  cleanup();
  await setLocale("en");
});

test("of a long run it is told how many steps are not shown", () => {
  show({ counts: { applied: 1000 }, steps: steps(200, "applied") });
  expect(screen.getByText("Done (1,000)")).toBeInTheDocument();
  expect(screen.getByText("200 of 1,000 shown")).toBeInTheDocument();
  expect(screen.queryByText(/Not done/)).toBeNull();
});

test("what was done is told though failures fill the list", () => {
  show({ counts: { applied: 700, failed: 300 }, steps: steps(200, "failed") });
  expect(screen.getByText("Not done (300)")).toBeInTheDocument();
  expect(screen.getByText("Done (700)")).toBeInTheDocument();
});

test("a short run and one from before the counts show all that there is", () => {
  show({ counts: {}, steps: steps(3, "applied") });
  expect(screen.getByText("Done (3)")).toBeInTheDocument();
  expect(screen.queryByText(/shown/)).toBeNull();
});

test("why a step failed is said in the language of the page", async () => {
  await setLocale("id");
  show({ counts: { failed: 1 }, steps: steps(1, "failed") });
  expect(await screen.findByText("entri lain masih memakainya")).toBeInTheDocument();
});
