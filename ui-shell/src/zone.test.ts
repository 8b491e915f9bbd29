import { afterEach, expect, test } from "vitest";
import { fromClock, setZone, toClock } from "./zone";

afterEach(() => setZone(undefined));

test.each([
  ["Asia/Jakarta", "2026-11-21T07:38:12Z", "2026-11-21T14:38"],
  ["Asia/Jayapura", "2026-12-31T20:00:00Z", "2027-01-01T05:00"],
  ["UTC", "2026-11-21T00:00:00.500Z", "2026-11-21T00:00"],
])("%s shows its own clock", (zone, instant, clock) => {
  setZone(zone);
  expect(toClock(instant)).toBe(clock);
  expect(fromClock(clock)?.slice(0, 16)).toBe(instant.slice(0, 16));
});

test("an hour after the clocks change is the right instant", () => {
  setZone("Europe/Berlin");
  expect(fromClock("2026-03-29T03:30")).toBe("2026-03-29T01:30:00.000Z");
  expect(fromClock("2026-03-29T01:30")).toBe("2026-03-29T00:30:00.000Z");
});

test("nothing is nothing", () => {
  expect(toClock("")).toBe("");
  expect(fromClock("")).toBeNull();
});
