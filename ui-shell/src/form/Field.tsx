import { lazy, Suspense, useId } from "react";
import type { Choice, Json, PropertySchema, UiElement } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { fromClock, toClock } from "../zone";
import styles from "./Field.module.css";
import { FixedValue } from "./FixedValue";
import { JsonInput } from "./JsonInput";
import { NumberInput } from "./NumberInput";
import { RelationInput } from "./RelationInput";
import { TargetLink } from "./TargetLink";
import { nameOf } from "./values";

const ChoicesInput = lazy(() =>
  import("./ChoicesInput").then((module) => ({ default: module.ChoicesInput })),
);
const LinesInput = lazy(() =>
  import("./LinesInput").then((module) => ({ default: module.LinesInput })),
);
const PointInput = lazy(() =>
  import("./PointInput").then((module) => ({ default: module.PointInput })),
);
const RulesInput = lazy(() =>
  import("./RulesInput").then((module) => ({ default: module.RulesInput })),
);

export type FieldProps = {
  element: UiElement;
  schema: PropertySchema;
  value: Json;
  error: string | undefined;
  onChange: (value: Json) => void;
};

export type InputProps = {
  id: string;
  element: UiElement;
  schema: PropertySchema;
  value: Json;
  readOnly: boolean;
  invalid: boolean;
  describedBy: string | undefined;
  onChange: (value: Json) => void;
};

/** A labelled input with its help and its error. */
export function Field({ element, schema, value, error, onChange }: FieldProps) {
  const t = useText();
  const id = useId();
  const { options = {} } = element;
  const label = labelText(
    element.label === true || element.label === false ? null : element.label,
    wordsOf(nameOf(element)),
  );
  const help = labelText(options.help, "");
  const readOnly = Boolean(options.readonly) || Boolean(schema.readOnly);
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  const warning = isEmpty ? labelText(options.empty_warning, "") : "";
  const said = error ? `${id}-error` : help ? `${id}-help` : "";
  const describedBy = [said, warning && `${id}-warning`].filter(Boolean).join(" ") || undefined;
  const isWide = WIDE.has(String(options.type)) || hasLongChoice(options.choices ?? []);
  return (
    <div className={styles.field} data-wide={isWide || undefined}>
      <label htmlFor={id}>
        {label}
        {options.required && !readOnly && <span className={styles.required}> * {t("form.required")}</span>}
      </label>
      <Input
        id={id}
        element={element}
        schema={schema}
        value={value}
        readOnly={readOnly}
        invalid={Boolean(error)}
        describedBy={describedBy}
        onChange={onChange}
      />
      {error ? (
        <p id={`${id}-error`} className={styles.error}>
          {error}
        </p>
      ) : (
        help && (
          <p id={`${id}-help`} className={styles.help}>
            {help}
          </p>
        )
      )}
      {warning && (
        <p id={`${id}-warning`} className={styles.warning}>
          {warning}
        </p>
      )}
    </div>
  );
}

const WIDE = new Set(["long_text", "rich_text", "json", "lines", "geo_point"]);
/** Signs of a choice that fit into a field of half the width. */
const SHORT_CHOICE = 36;
const hasLongChoice = (choices: readonly Choice[]): boolean =>
  choices.some(({ value, label }) => labelText(label, String(value)).length > SHORT_CHOICE);
const NUMBERS = new Set(["money", "decimal", "percent", "integer", "rate", "bytes"]);
const NATIVE: { [type: string]: string } = {
  date: "date",
  time: "time",
  email: "email",
  url: "url",
  phone: "tel",
  colour: "color",
};

/** The native input of a field type; types without one of their own are edited as JSON. */
function Input(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const t = useText();
  const type = String(element.options?.type ?? "");
  const common = {
    id,
    name: nameOf(element),
    "aria-invalid": invalid || undefined,
    "aria-describedby": describedBy,
    className: styles.input,
  };
  const text = value === null || value === undefined ? "" : String(value);
  if (element.options?.widget === "rules") {
    return (
      <Suspense>
        <RulesInput {...props} />
      </Suspense>
    );
  }
  if (type === "lines") {
    return (
      <Suspense>
        <LinesInput {...props} />
      </Suspense>
    );
  }
  if (type === "relation") return readOnly ? <TargetLink {...props} /> : <RelationInput {...props} />;
  if (type === "geo_point") {
    return (
      <Suspense>
        <PointInput {...props} />
      </Suspense>
    );
  }
  if (readOnly) return <FixedValue {...props} />;
  if (type === "boolean") {
    return (
      <input
        {...common}
        className={styles.box}
        type="checkbox"
        checked={value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (type === "choice") {
    return (
      <select
        {...common}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value || null)}
      >
        <option value="">{t("form.choose")}</option>
        {(element.options?.choices ?? []).map((choice) => (
          <option key={String(choice.value)} value={String(choice.value)}>
            {labelText(choice.label, String(choice.value))}
          </option>
        ))}
      </select>
    );
  }
  if (type === "tags" || type === "multi_choice") {
    return (
      <Suspense>
        <ChoicesInput {...props} />
      </Suspense>
    );
  }
  if (type === "long_text" || type === "rich_text") {
    return (
      <textarea
        {...common}
        rows={4}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value || null)}
      />
    );
  }
  if (type === "secret") {
    const isSet =
      typeof value === "object" && value !== null && !Array.isArray(value) && value.set === true;
    return (
      <input
        {...common}
        type="password"
        autoComplete="new-password"
        placeholder={isSet ? t("form.secret") : ""}
        value={typeof value === "string" ? value : ""}
        onChange={(event) => onChange(event.currentTarget.value || null)}
      />
    );
  }
  if (type === "datetime") {
    return (
      <input
        {...common}
        type="datetime-local"
        value={toClock(text)}
        onChange={(event) => onChange(fromClock(event.currentTarget.value))}
      />
    );
  }
  if (NUMBERS.has(type)) return <NumberInput {...props} />;
  if (typeof value === "object" && value !== null) return <JsonInput {...props} />;
  if (type === "json") return <JsonInput {...props} />;
  return (
    <input
      {...common}
      type={NATIVE[type] ?? "text"}
      value={text}
      onChange={(event) => onChange(event.currentTarget.value || null)}
    />
  );
}
