import type { Detail, EntityForm } from "../api/types";
import { labelText, wordsOf } from "../i18n";

/** Returns what a person calls a field, by the path a finding gives it. */
export const labelOf = (form: EntityForm, field: string): string =>
  labelText(
    form.list.available?.find((column) => column.field === field.split(".")[0])?.label,
    wordsOf(field),
  );

/** Returns why something was refused in one line: its first finding, or what was said of all. */
export function reasonOf(
  form: EntityForm,
  error: { message?: string; details?: readonly Detail[] } | undefined,
): string {
  const first = error?.details?.[0];
  if (!first) return error?.message ?? "";
  return first.field ? `${labelOf(form, first.field)}: ${first.message}` : first.message;
}
