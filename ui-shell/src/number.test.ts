import { afterEach, expect, test } from "vitest";
import { setLocale } from "./i18n";
import { minorUnits, plainNumber, quantity, shownNumber, shownQuantity } from "./number";

afterEach(() => setLocale("en"));

test.each([
  ["150000", 150000],
  ["150.000", 150000],
  ["150,000", 150000],
  ["Rp 1.250.000", 1250000],
  ["150.000,00", 150000],
  ["150,000.00", 150000],
  ["-5.000", -5000],
  // What rupiah cannot hold is refused, never rounded or run together.
  ["150.000,50", null],
  ["150000,5", null],
  ["1.5", null],
  ["1500.25", null],
  ["1.50.000", null],
  ["1.000.00", null],
  ["12a", null],
  [",", null],
  ["", null],
])("%s rupiah is %s", async (text, amount) => {
  for (const locale of ["en", "id"] as const) {
    await setLocale(locale);
    expect(minorUnits(text, 0)).toBe(amount);
  }
});

test.each([
  ["12.50", 1250],
  ["12,50", 1250],
  ["1.250,5", 125050],
  ["1,250.5", 125050],
  ["1.250", 125000],
  ["0,5", 50],
  [".5", 50],
  ["12.345", 1234500],
  ["12.3456", null],
])("%s dollars are %s cents", (text, amount) => {
  expect(minorUnits(text, 2)).toBe(amount);
});

test("a single mark before three digits is read by the language where both can be meant", async () => {
  expect(plainNumber("1.250")).toBe("1.25");
  expect(plainNumber("1,250")).toBe("1250");
  await setLocale("id");
  expect(plainNumber("1.250")).toBe("1250");
  expect(plainNumber("1,250")).toBe("1.25");
  expect(plainNumber("2,5")).toBe("2.5");
  expect(plainNumber("1.250,5")).toBe("1250.5");
});

test("what is shown is read as the same number", async () => {
  for (const locale of ["en", "id"] as const) {
    await setLocale(locale);
    for (const plain of ["0", "-1250.5", "1234567", "0.125", "999", "1000", "1.25"]) {
      expect(plainNumber(shownNumber(plain)) ?? "").toBe(plain);
    }
  }
});

test.each([
  ["20M", "rate", 20_000_000],
  ["20 Mbps", "rate", 20_000_000],
  ["2.5G", "rate", 2_500_000_000],
  ["512k", "rate", 512_000],
  ["1000000", "rate", 1_000_000],
  ["10 MiB", "bytes", 10_485_760],
  ["2 GB", "bytes", 2_000_000_000],
  ["7 bytes", "bytes", 7],
  ["10 apples", "rate", null],
  ["-1M", "rate", null],
  ["0.5", "rate", null],
])("%s as %s is %s", (text, type, amount) => {
  expect(quantity(text, type)).toBe(amount);
});

test("a quantity is shown so that it is read as the same", async () => {
  for (const locale of ["en", "id"] as const) {
    await setLocale(locale);
    for (const amount of [0, 7, 999, 1000, 1_500_000, 20_000_000, 1_234_567, 10_485_760]) {
      for (const type of ["rate", "bytes"]) {
        expect(quantity(shownQuantity(amount, type), type)).toBe(amount);
      }
    }
  }
});
