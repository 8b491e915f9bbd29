import { expect, test } from "vitest";
import { replyOf } from "./answer";

const response = (body: BodyInit | null, status = 200, headers: HeadersInit = {}) =>
  new Response(body, { status, headers });
const JSON_TYPE = { "content-type": "application/json" };

test("JSON is an answer with its value, also where the service refuses", async () => {
  const reply = await replyOf(response('{"error": "taken"}', 409, JSON_TYPE), () => 7);
  expect(reply).toEqual({
    answer: {
      status: 409,
      ok: false,
      milliseconds: 7,
      kind: "json",
      value: { error: "taken" },
      text: '{\n  "error": "taken"\n}',
    },
  });
});

test("what the gateway refuses is told with its wait and its findings", async () => {
  const body = {
    error: {
      code: "TOO_MANY_REQUESTS",
      message: "Slow down.",
      details: [{ field: "to", code: "format", message: "Not so." }],
      request_id: "req_1",
    },
  };
  const headers = { ...JSON_TYPE, "retry-after": "12" };
  const reply = await replyOf(response(JSON.stringify(body), 429, headers), () => 1);
  expect(reply).toEqual({
    refusal: {
      status: 429,
      code: "TOO_MANY_REQUESTS",
      message: "Slow down.",
      details: body.error.details,
      requestId: "req_1",
      wait: 12,
    },
  });
});

test("an error of the service in the same shape, without a request id, is its answer", async () => {
  const body = JSON.stringify({ error: { code: "NO", message: "No." } });
  const reply = await replyOf(response(body, 400, JSON_TYPE), () => 1);
  expect(reply).toHaveProperty("answer.kind", "json");
});

test.each([
  ["{broken", "application/json", "text"],
  ["<b>", "text/html", "text"],
  ["%PDF", "application/pdf", "file"],
  [null, "application/json", "empty"],
])("%s of type %s is shown as %s", async (body, type, kind) => {
  const reply = await replyOf(response(body, 200, { "content-type": type }), () => 1);
  expect(reply).toHaveProperty("answer.kind", kind);
});
