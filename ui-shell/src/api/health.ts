import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";

/** How an external service is: asked by the server every 30 seconds, told by docs/gateway.md. */
export type Health = {
  service: string;
  state: "unknown" | "healthy" | "unhealthy";
  failures: number;
  message: string;
  latency_ms: number | null;
  checked_at: string | null;
  changed_at: string | null;
  breaker: string;
};

export const healthQuery = () =>
  queryOptions({
    queryKey: ["service-health"],
    queryFn: async ({ signal }) => (await get<Health[]>("/core/service-health", {}, signal)).data,
    staleTime: 10_000,
    refetchInterval: 30_000,
  });
