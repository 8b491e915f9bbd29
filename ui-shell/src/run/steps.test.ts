import { expect, test } from "vitest";
import { type Change, changeText, countsOf, countsText, planOf, resultsOf, stepText, writesOf } from "./steps";

const step = (verb: string, changes: Change[] = [], sessions = 0) => ({
  number: 1,
  verb,
  kind: "secret",
  name: "CUST00001",
  marker: "rangka:a:b",
  changes,
  sessions,
});
const counts = {
  add: 1,
  set: 0,
  unset: 0,
  kick: 0,
  remove: 2,
  in_sync: 5,
  unmanaged: 0,
  conflicts: 0,
  blocked: 1,
};

test.each([
  ["add", "Add login CUST00001"],
  ["remove", "Remove login CUST00001"],
  ["kick", "End 3 sessions of CUST00001; the device dials in again"],
  ["enable", "Enable: login CUST00001"],
])("the step %s is said in words", (verb, text) => {
  expect(stepText(step(verb, [], 3))).toBe(text);
});

test.each([
  [{ field: "rate-limit", old: null, new: "2000000/5000000" }, "speed: up 2 Mbps, down 5 Mbps"],
  [{ field: "profile", old: "a", new: "ISOLIR" }, "profile: a → ISOLIR"],
  [{ field: "disabled", old: true, new: false }, "switched off: Yes → No"],
  [{ field: "ranges", old: null, new: ["10.0.0.2-10.0.0.9"] }, "addresses: 10.0.0.2-10.0.0.9"],
  [{ field: "new-thing", old: null, new: 5 }, "New thing: 5"],
])("a change is said in words: %j", (change, text) => {
  expect(changeText(change)).toBe(text);
});

test("a plan is told from other JSON by its shape", () => {
  const plan = { counts, actions: [step("add")], blocked: [], conflicts: [], unmanaged: [] };
  expect(planOf(plan)).toBe(plan);
  expect(planOf({ ...plan, actions: [{ name: "x" }] })).toBeNull();
  expect(planOf({ counts })).toBeNull();
});

test("results are told from other JSON by their shape, those of older runs too", () => {
  const steps = [{ ...step("add"), outcome: "applied", reason: "" }];
  const results = { counts: { applied: 1000 }, steps };
  expect(resultsOf(results)).toBe(results);
  expect(resultsOf(steps)).toEqual({ counts: {}, steps });
  expect(resultsOf([])).toBeNull();
  expect(resultsOf([step("add")])).toBeNull();
  expect(resultsOf({ counts: {}, steps: [step("add")] })).toBeNull();
  expect(resultsOf({ steps })).toBeNull();
});

test("counts leave out what there is none of", () => {
  expect(countsOf(counts)).toBe(counts);
  expect(countsOf({ add: 1 })).toBeNull();
  expect(writesOf(counts)).toBe(3);
  expect(countsText(counts)).toBe("Add: 1 · Remove: 2 · Held back: 1");
  expect(countsText(counts, true)).toBe("Add: 1 · Remove: 2 · Held back: 1 · As they should be: 5");
});
