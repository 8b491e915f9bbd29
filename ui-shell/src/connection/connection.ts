import { queryOptions } from "@tanstack/react-query";
import { get } from "../api/client";
import { ApiError } from "../api/errors";
import type { TextKey } from "../i18n";

/** How a tenant is known at an external service: docs/gateway.md, "Connections". */
export type Connection = {
  kind: Kind;
  settings: { [name: string]: string };
  version: number;
  updated_at: string;
};

export const KINDS = ["api_key", "bearer", "basic", "oauth2_client_credentials"] as const;
export type Kind = (typeof KINDS)[number];

type Setting = { name: string; label: TextKey; isRequired: boolean; placeholder?: string };

/** What each kind asks for beside its secret. */
export const SETTINGS: { [kind in Kind]: readonly Setting[] } = {
  api_key: [
    { name: "header", label: "console.conn.header", isRequired: false, placeholder: "X-API-Key" },
    { name: "prefix", label: "console.conn.prefix", isRequired: false },
  ],
  bearer: [],
  basic: [{ name: "username", label: "console.conn.username", isRequired: true }],
  oauth2_client_credentials: [
    { name: "token_url", label: "console.conn.tokenUrl", isRequired: true, placeholder: "https://" },
    { name: "client_id", label: "console.conn.clientId", isRequired: true },
    { name: "scope", label: "console.conn.scope", isRequired: false },
    { name: "audience", label: "console.conn.audience", isRequired: false },
  ],
};

export const SECRETS: { [kind in Kind]: TextKey } = {
  api_key: "console.conn.key",
  bearer: "console.conn.token",
  basic: "console.conn.password",
  oauth2_client_credentials: "console.conn.clientSecret",
};

/** What a definition's `auth_type` most likely means for the connection. */
export const kindFor = (authType: unknown): Kind =>
  authType === "jwt" ? "bearer" : authType === "oauth" ? "oauth2_client_credentials" : "api_key";

export const pathOf = (tenant: string, service: string): string =>
  `/core/tenants/${tenant}/services/${service}/connection`;

/** A tenant's connection, without its secret; null where there is none. */
export const connectionQuery = (tenant: string, service: string) =>
  queryOptions({
    queryKey: ["connection", tenant, service],
    queryFn: async ({ signal }): Promise<Connection | null> => {
      try {
        return (await get<Connection>(pathOf(tenant, service), {}, signal)).data;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    staleTime: 0,
  });

/** Returns the body that keeps a connection: settings without a text are left out. */
export function bodyOf(
  kind: Kind,
  settings: { [name: string]: string },
  secret: string,
): { kind: Kind; settings: { [name: string]: string }; secret?: string } {
  const known = SETTINGS[kind].map(({ name }) => [name, settings[name]?.trim() ?? ""] as const);
  const given = Object.fromEntries(known.filter(([, text]) => text !== ""));
  return { kind, settings: given, ...(secret && { secret }) };
}
