import { useQuery } from "@tanstack/react-query";
import { recordQuery } from "../api/queries";
import { sourceOfTarget } from "../api/source";
import type { Column } from "../api/types";

/** The title of a relation's target; its id stands there until it is loaded. */
export function TargetTitle({ column, id }: { column: Column; id: string }) {
  const source = sourceOfTarget(String(column.options?.target ?? ""));
  const found = useQuery({ ...recordQuery(source, id), staleTime: 60_000 });
  return String(found.data?.record[String(column.options?.title_field ?? "name")] ?? id);
}
