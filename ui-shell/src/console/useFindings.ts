import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { post } from "../api/client";
import type { Finding } from "./api";
import type { ServiceDefinition } from "./definition";

const PAUSE_MS = 500;
const NONE: readonly Finding[] = [];

/** Returns what the server says of a definition, asked again when the typing pauses. */
export function useFindings(definition: ServiceDefinition): readonly Finding[] {
  const [settled] = useDebouncedValue(definition, PAUSE_MS);
  const found = useQuery({
    queryKey: ["console", "findings", settled],
    queryFn: async () => {
      const path = `/core/services/${encodeURIComponent(settled.name || "new")}/validate`;
      const answer = await post<{ findings: Finding[] }>(path, { definition: settled });
      return answer.data.findings;
    },
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  return found.data ?? NONE;
}
