import { useQuery } from "@tanstack/react-query";
import { t, useLocale } from "../i18n";
import { ApiError } from "./errors";
import { recordQuery } from "./queries";
import { sourceOfTarget } from "./source";
import type { EntityRecord, FieldOptions } from "./types";

/** Returns the field that a relation's target is called by. */
export const titleFieldOf = (options: FieldOptions | undefined): string =>
  String(options?.title_field ?? "name");

/** Returns the title of a relation's target; of one without a title, its id. */
export function titleOf(record: Partial<EntityRecord>, titleField: string): string {
  // What a role may not see is left out of the record.
  if (!(titleField in record)) return t("record.notVisible");
  return String(record[titleField] ?? record.id ?? "");
}

export type Title = { text: string; isRead: boolean };

/**
 * Reads what a relation's target is called. A target that this user may not read is said
 * to be so: its id says nothing to a person. `id` empty: there is no target.
 */
export function useTitle(options: FieldOptions | undefined, id: string): Title {
  useLocale();
  const source = sourceOfTarget(String(options?.target ?? ""));
  const { data, error } = useQuery({
    ...recordQuery(source, id),
    staleTime: 60_000,
    enabled: id !== "",
  });
  if (data) return { text: titleOf(data.record, titleFieldOf(options)), isRead: true };
  const isHidden = error instanceof ApiError && [403, 404].includes(error.status);
  if (isHidden) return { text: t("record.notVisible"), isRead: false };
  return { text: error ? id : id && t("common.loading"), isRead: false };
}
