import type { Column, Json } from "../api/types";
import { useText } from "../i18n";
import { isSentence } from "../json/shapes";
import { cellText, exactText } from "../list/format";
import { TargetTitle } from "../list/TargetTitle";
import { Sentence } from "../sentence/Sentence";

/** A value in words: a relation by its target's title, the rest as in a list. */
export function ValueText({ column, value }: { column: Column | undefined; value: Json }) {
  const t = useText();
  if (value === null || value === "") return <>{t("form.none")}</>;
  if (column?.type === "relation" && typeof value === "string") {
    return <TargetTitle column={column} id={value} />;
  }
  if (column?.type === "boolean") return <>{t(value === true ? "common.yes" : "common.no")}</>;
  if (column) {
    const text = cellText(column, value) || t("form.none");
    if (isSentence(column.schema)) return <Sentence text={text} />;
    return <span title={exactText(column, value)}>{text}</span>;
  }
  return <>{typeof value === "object" ? JSON.stringify(value) : String(value)}</>;
}
