import { t, wordsOf } from "../i18n";
import type { ServiceRow } from "./api";

/** What a service can be, as the server names it. */
export const STATUSES = ["active", "maintenance", "inactive"] as const;
export type Status = (typeof STATUSES)[number];
/** What there is to know of a service to say how it is. */
export type Standing = Pick<ServiceRow, "name" | "status" | "published_version">;

export const isStatus = (status: string): status is Status =>
  STATUSES.some((known) => known === status);

/** Returns how a service is: a draft until its first version, then as it is stored. */
export function statusOf(service: Omit<Standing, "name">): string {
  if (service.published_version === null) return t("console.draft");
  return isStatus(service.status)
    ? t(`console.status.${service.status}`)
    : wordsOf(service.status);
}

export const typeOf = ({ type }: Pick<ServiceRow, "type">): string =>
  type === "external" ? t("console.type.external") : t("console.type.internal");
