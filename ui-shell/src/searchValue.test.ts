import { parseSearchWith, stringifySearchWith } from "@tanstack/react-router";
import { expect, test } from "vitest";
import { searchValue } from "./searchValue";

const read = parseSearchWith(searchValue);
const write = stringifySearchWith(JSON.stringify, searchValue);

test.each([
  ["?q=4065e8", { q: "4065e8" }],
  ["?q=12345678901234567890", { q: "12345678901234567890" }],
  ["?q=0812", { q: "0812" }],
  ["?q=1.50", { q: "1.50" }],
  ["?q=%22406500000000%22", { q: "406500000000" }],
  ["?size=50", { size: 50 }],
  ["?bin=true", { bin: true }],
  ["?filter=%7B%22a%22%3A%7B%22_eq%22%3A1e5%7D%7D", { filter: { a: { _eq: 100000 } } }],
])("%s is read as it is meant", (address, expected) => {
  expect(read(address)).toEqual(expected);
});

test.each(["4065e8", "12345678901234567890", "50", "true", "null", '{"a":1}', '"x"', "-0", " 1"])(
  "the text %s comes back as that text",
  (q) => {
    expect(read(write({ q }))).toEqual({ q });
  },
);
