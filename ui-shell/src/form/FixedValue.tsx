import { lazy, Suspense } from "react";
import type { Choice, Column, Json, PropertySchema } from "../api/types";
import { labelText, useText } from "../i18n";
import { isSentence } from "../json/shapes";
import { cellText, exactText } from "../list/format";
import { Status } from "../list/Status";
import { Sentence } from "../sentence/Sentence";
import type { InputProps } from "./Field";
import styles from "./Field.module.css";
import { nameOf } from "./values";

const JsonValue = lazy(() =>
  import("../json/JsonValue").then((module) => ({ default: module.JsonValue })),
);

/** A value that cannot be changed here, as a person reads it. */
export function FixedValue({ id, element, schema, value, describedBy }: InputProps) {
  const name = nameOf(element);
  return (
    <output
      id={id}
      // What changes here by itself is not read out on top of what the user does.
      aria-live="off"
      className={styles.fixed}
      data-field={name}
      tabIndex={-1}
      aria-describedby={describedBy}
    >
      <Shown name={name} options={element.options ?? {}} schema={schema} value={value} />
    </output>
  );
}

type ShownProps = {
  name: string;
  options: NonNullable<Column["options"]>;
  schema: PropertySchema;
  value: Json;
};

function Shown({ name, options, schema, value }: ShownProps) {
  const t = useText();
  const type = String(options.type ?? "text");
  const column: Column = { field: name, type, options, schema };
  const choices = options.choices ?? [];
  if (type === "boolean") return <>{t(value === true ? "common.yes" : "common.no")}</>;
  if (type === "secret") return <>{isSet(value) ? cellText(column, value) : t("form.none")}</>;
  const isEmpty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return <span className={styles.nothing}>–</span>;
  if (type === "choice") return <Status column={column} value={value} />;
  if (Array.isArray(value) && choices.length > 0) return <>{titlesOf(choices, value)}</>;
  if (type === "json" || (typeof value === "object" && !Array.isArray(value))) {
    return (
      <Suspense>
        <JsonValue value={value} schema={schema} />
      </Suspense>
    );
  }
  const text = cellText(column, value);
  if (isSentence(schema)) return <Sentence text={text} />;
  return <span title={exactText(column, value)}>{text}</span>;
}

const isSet = (value: Json): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && value.set === true;

const titlesOf = (choices: readonly Choice[], values: readonly Json[]): string =>
  values
    .map((value) =>
      labelText(choices.find((choice) => choice.value === value)?.label, String(value)),
    )
    .join(", ");
