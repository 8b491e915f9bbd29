import type { EntityForm, EntityRecord, JsonObject } from "../api/types";
import { labelText, t } from "../i18n";

/** Whether a record itself allows an action; the role's own word is the form's. */
export const allows = (record: EntityRecord, action: string): boolean =>
  ((record._actions ?? {}) as JsonObject)[action] !== false;

/** Why nobody changes or deletes this record; null where somebody may. */
export const fixedBecause = (form: EntityForm, record: EntityRecord): string | null =>
  form.fixed && record[form.fixed.field] === true
    ? labelText(form.fixed.reason, t("form.fixed"))
    : null;
