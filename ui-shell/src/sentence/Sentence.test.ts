import { act, cleanup, render, screen } from "@testing-library/react";
import { createElement } from "react";
import { afterEach, expect, test } from "vitest";
import { setLocale } from "../i18n";
import { Sentence } from "./Sentence";

afterEach(async () => {
  cleanup();
  await setLocale("en");
});

test("a sentence turns with the language of the page, and back", async () => {
  render(createElement(Sentence, { text: "the router was not tested yet" }));
  expect(screen.getByText("the router was not tested yet")).toBeInTheDocument();
  await act(() => setLocale("id"));
  expect(await screen.findByText("router belum diuji")).toBeInTheDocument();
  await act(() => setLocale("en"));
  expect(screen.getByText("the router was not tested yet")).toBeInTheDocument();
});

test("a sentence that is not known is shown as it is", async () => {
  await act(() => setLocale("id"));
  render(createElement(Sentence, { text: "Something new." }));
  expect(await screen.findByText("Something new.")).toBeInTheDocument();
});
