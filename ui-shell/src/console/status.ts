import { t, wordsOf } from "../i18n";
import type { ServiceRow } from "./api";

/** Returns how a service is: a draft until its first version, then as it is stored. */
export function statusOf(service: Pick<ServiceRow, "status" | "published_version">): string {
  if (service.published_version === null) return t("console.draft");
  return service.status === "active" ? t("console.active") : wordsOf(service.status);
}

export const typeOf = ({ type }: Pick<ServiceRow, "type">): string =>
  type === "external" ? t("console.type.external") : t("console.type.internal");
