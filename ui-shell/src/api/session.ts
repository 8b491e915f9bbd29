import { ApiError, errorFrom } from "./errors";
import { setZone } from "../zone";
import type { Envelope, SessionData, Tenant, User } from "./types";

export const API = "/api/v1";
const CLIENT = { "X-Rangka-Client": "web" };

export type Session =
  | { status: "unknown" | "anonymous"; user: null; tenants: Tenant[] }
  | { status: "signed-in"; user: User; tenants: Tenant[] };

// The access token lives in this module's memory only; the refresh token is an HttpOnly
// cookie that no script can read.
let token: string | null = null;
let session: Session = { status: "unknown", user: null, tenants: [] };
const listeners = new Set<() => void>();
const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("rangka-session") : null;

function publish(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

export const getSession = (): Session => session;
export const getToken = (): string | null => token;
export function subscribeSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function dropSession(): void {
  token = null;
  publish({ status: "anonymous", user: null, tenants: [] });
}

channel?.addEventListener("message", () => dropSession());

async function call<T>(path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${API}${path}`, {
      method: body === undefined && path === "/auth/me" ? "GET" : "POST",
      credentials: "same-origin",
      headers: {
        ...CLIENT,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "NETWORK", "The server cannot be reached.");
  }
  if (!response.ok) throw await errorFrom(response);
  if (response.status === 204) return undefined as T;
  return ((await response.json()) as Envelope<T>).data;
}

async function adopt(data: SessionData): Promise<void> {
  token = data.access_token;
  const known = session;
  let user = data.user ?? null;
  let tenants = data.tenants ?? null;
  let zone = data.time_zone;
  if (!user || !tenants || !zone) {
    const me = await call<Pick<SessionData, "user" | "tenants" | "time_zone">>("/auth/me");
    user = user ?? me.user ?? known.user;
    tenants = tenants ?? me.tenants ?? known.tenants;
    zone = zone ?? me.time_zone;
  }
  if (!user) throw new ApiError(0, "NETWORK", "The server did not say who is logged in.");
  setZone(zone);
  publish({ status: "signed-in", user, tenants });
}

export type Credentials = { email: string; password: string; tenant?: string; mfa_code?: string };

export async function login(credentials: Credentials): Promise<void> {
  await adopt(await call<SessionData>("/auth/login", credentials));
}

export async function switchTenant(tenantId: string): Promise<void> {
  await adopt(await call<SessionData>("/auth/switch-tenant", { tenant_id: tenantId }));
}

/** Reads again which tenants there are to switch to: one was made, renamed or closed. */
export async function refreshTenants(): Promise<void> {
  try {
    const me = await call<Pick<SessionData, "tenants">>("/auth/me");
    if (me.tenants && session.status === "signed-in") publish({ ...session, tenants: me.tenants });
  } catch {
    // What was written stays written; the next log-in shows it.
  }
}

export async function logout(): Promise<void> {
  try {
    await call<void>("/auth/logout", {});
  } finally {
    channel?.postMessage("logout");
    dropSession();
  }
}

let running: Promise<boolean> | null = null;

async function refreshOnce(stale: string | null): Promise<boolean> {
  // Somebody else refreshed while this call waited for the lock.
  if (token !== null && token !== stale) return true;
  try {
    await adopt(await call<SessionData>("/auth/refresh", {}));
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status !== 0 && error.status < 500) dropSession();
    return false;
  }
}

/** Returns whether there is a fresh access token. One runs at a time, over all tabs. */
export function refresh(stale: string | null): Promise<boolean> {
  running ??= (
    navigator.locks
      ? navigator.locks.request("rangka-refresh", () => refreshOnce(stale))
      : refreshOnce(stale)
  ).finally(() => {
    running = null;
  });
  return running;
}

/** Returns whether somebody is signed in, trying the refresh cookie once. */
export async function ensureSession(): Promise<boolean> {
  if (session.status === "signed-in") return true;
  if (session.status === "anonymous") return false;
  const restored = await refresh(null);
  if (!restored && session.status === "unknown") dropSession();
  return restored;
}
