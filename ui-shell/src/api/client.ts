import { ApiError, errorFrom } from "./errors";
import { API, getToken, refresh } from "./session";
import type { Envelope } from "./types";

export type Query = { [name: string]: string | number | boolean | null | undefined };
export type RequestOptions = {
  query?: Query | undefined;
  body?: unknown;
  headers?: { [name: string]: string };
  signal?: AbortSignal | undefined;
};

export function url(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `${API}${path}${text ? `?${text}` : ""}`;
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const token = getToken();
  const { body } = options;
  const isJson = body !== undefined && !(body instanceof Blob) && !(body instanceof FormData);
  try {
    return await fetch(url(path, options.query), {
      method,
      credentials: "same-origin",
      signal: options.signal ?? null,
      headers: {
        Accept: "application/json",
        "X-Rangka-Client": "web",
        ...(isJson ? { "Content-Type": "application/json" } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...options.headers,
      },
      body: body === undefined ? null : isJson ? JSON.stringify(body) : (body as BodyInit),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "NETWORK", "The server cannot be reached.");
  }
}

/** Returns the response of any call, also a refusal; an expired token is renewed once. */
export async function exchange(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const used = getToken();
  const response = await send(method, path, options);
  return response.status === 401 && (await refresh(used)) ? send(method, path, options) : response;
}

/** Returns the response of a successful call. */
export async function respond(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const response = await exchange(method, path, options);
  if (!response.ok) throw await errorFrom(response);
  return response;
}

export async function request<T>(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Envelope<T>> {
  const response = await respond(method, path, options);
  if (response.status === 204) return { data: undefined as T };
  return (await response.json()) as Envelope<T>;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<Envelope<T>> =>
  request<T>("GET", path, { query, signal });

export const post = <T>(path: string, body: unknown): Promise<Envelope<T>> =>
  request<T>("POST", path, { body });
