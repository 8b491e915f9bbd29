import { act, renderHook } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { useFreshRows } from "./useFreshRows";

const row = (id: string, version: number) => ({ id, version });

test("what changed and what is new is marked for a moment, and nothing at first", () => {
  vi.useFakeTimers();
  const first = { rows: [row("a", 1), row("b", 1)], key: "page 1" };
  const { result, rerender } = renderHook(({ rows, key }) => useFreshRows(rows, key), {
    initialProps: first,
  });
  expect([...result.current]).toEqual([]);
  rerender({ rows: [row("a", 2), row("b", 1), row("c", 1)], key: "page 1" });
  expect([...result.current]).toEqual(["a", "c"]);
  act(() => vi.advanceTimersByTime(2000));
  expect([...result.current]).toEqual([]);
  vi.useRealTimers();
});

test("another page marks nothing", () => {
  const { result, rerender } = renderHook(({ rows, key }) => useFreshRows(rows, key), {
    initialProps: { rows: [row("a", 1)], key: "page 1" },
  });
  rerender({ rows: [row("b", 1)], key: "page 2" });
  expect([...result.current]).toEqual([]);
});
