import { afterEach, expect, test } from "vitest";
import { setLocale } from "../i18n";
import { errorFrom } from "./errors";

afterEach(() => setLocale("en"));

const answer = () =>
  new Response(
    JSON.stringify({
      error: {
        code: "VALIDATION_ERROR",
        message: "2 fields do not fit.",
        details: [
          { field: "age", code: "maximum", message: "Enter at most 28.", params: { limit: 28 } },
          { field: "y", code: "min_length", message: "12 or more.", params: { least: 12 } },
          { field: "x", code: "of_a_service", message: "Said by a service." },
        ],
      },
    }),
    { status: 422 },
  );

test("in English the server speaks for itself", async () => {
  const error = await errorFrom(answer());
  expect(error.message).toBe("2 fields do not fit.");
  expect(error.details.map((detail) => detail.message)).toEqual([
    "Enter at most 28.",
    "12 or more.",
    "Said by a service.",
  ]);
});

test("in Indonesian known codes are worded, unknown ones stay as they were said", async () => {
  await setLocale("id");
  const error = await errorFrom(answer());
  expect(error.message).toBe("Ada isian yang perlu diperbaiki.");
  expect(error.details.map((detail) => detail.message)).toEqual([
    "Isi paling banyak 28.",
    "12 or more.",
    "Said by a service.",
  ]);
});
