import { exchange } from "../api/client";
import type { Detail, Json, JsonObject } from "../api/types";
import { saidOf } from "../i18n";
import { callOf, type EndpointForm } from "./call";

type Told = { status: number; ok: boolean; milliseconds: number };
/** What a service answered, as far as a page can show it. */
export type Answer = Told &
  (
    | { kind: "json"; value: Json; text: string }
    | { kind: "text"; text: string }
    | { kind: "file"; file: Blob }
    | { kind: "empty" }
  );

/** What the gateway refused itself, or could not get from the service. */
export type Refusal = {
  status: number;
  code: string;
  message: string;
  details: readonly Detail[];
  requestId: string;
  /** Seconds until it makes sense to try again; null where nobody knows. */
  wait: number | null;
};

export type Reply = { answer: Answer } | { refusal: Refusal };

/** Sends what was entered through the gateway; a refusal of the service is an answer too. */
export async function send(form: EndpointForm, entered: JsonObject): Promise<Reply> {
  const { path, headers, body } = callOf(form, entered);
  const started = performance.now();
  const response = await exchange(form.method, path, { headers, body });
  return replyOf(response, () => Math.round(performance.now() - started));
}

/** Reads a response of the gateway. */
export async function replyOf(response: Response, clock: () => number): Promise<Reply> {
  const type = response.headers.get("content-type") ?? "";
  const file = await response.blob();
  const told: Told = { status: response.status, ok: response.ok, milliseconds: clock() };
  if (file.size === 0) return { answer: { ...told, kind: "empty" } };
  if (!/json|^text\/|xml|javascript|^$/.test(type)) return { answer: { ...told, kind: "file", file } };
  const text = await file.text();
  const value = type.includes("json") ? parsed(text) : undefined;
  if (value === undefined) return { answer: { ...told, kind: "text", text } };
  const refusal = response.ok ? null : refusalOf(value, response);
  if (refusal) return { refusal };
  return { answer: { ...told, kind: "json", value, text: JSON.stringify(value, null, 2) } };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

type ErrorBody = {
  error?: { code?: string; message?: string; details?: Detail[]; request_id?: string };
};

/** The gateway's own errors carry the id of the request; a service's do not. */
function refusalOf(value: Json, response: Response): Refusal | null {
  const { error } = (typeof value === "object" && value !== null ? value : {}) as ErrorBody;
  if (!error?.code || !error.request_id) return null;
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    status: response.status,
    code: error.code,
    message: saidOf(error.code, error.message ?? ""),
    details: (error.details ?? []).map((detail) => ({
      ...detail,
      message: saidOf(detail.code, detail.message, detail.params ?? {}),
    })),
    requestId: error.request_id,
    wait: Number.isFinite(wait) && wait > 0 ? wait : null,
  };
}
