import type { Column } from "../api/types";
import { useTitle } from "../api/useTitle";

/** The title of a relation's target. */
export function TargetTitle({ column, id }: { column: Column; id: string }) {
  return useTitle(column.options, id).text;
}
