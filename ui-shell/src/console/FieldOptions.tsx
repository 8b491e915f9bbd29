import { Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { Json, PropertySchema } from "../api/types";
import { useText, wordsOf } from "../i18n";
import { choicesOf, valueOf } from "./choiceValues";
import styles from "./Definition.module.css";
import { DefaultOption, hasPlainDefault } from "./DefaultOption";
import {
  COMPUTED_WITHOUT,
  type FieldDefinition,
  type FieldType,
  innerFields,
  type ServiceDefinition,
  withOption,
} from "./definition";
import { TargetPicker } from "./TargetPicker";

type Props = {
  definition: ServiceDefinition;
  field: FieldDefinition;
  /** The fields beside it, which a formula may name. */
  fields: readonly FieldDefinition[];
  type: FieldType | undefined;
  onChange: (field: FieldDefinition) => void;
  /** Shows a table of the fields that each line has. */
  lines: (fields: FieldDefinition[], change: (fields: FieldDefinition[]) => void) => ReactNode;
};

const ComputedOptions = lazy(() => import("./ComputedOptions"));

const SHOWN_ELSEWHERE = new Set([
  "id",
  "name",
  "type",
  "label",
  "required",
  "unique",
  "index",
  "search",
]);
const LAST = ["default", "help", "readonly", "immutable"];

const COMPUTED_OPTIONS = [...COMPUTED_WITHOUT, "result", "expression"];

/** What a field's type can be told, made from the JSON Schema of the type. */
export default function FieldOptions({ definition, field, fields, type, onChange, lines }: Props) {
  const t = useText();
  if (!type) return null;
  const properties = propertiesOf(type.schema);
  const isComputed = type.name === "computed";
  const hidden = isComputed ? COMPUTED_OPTIONS : [];
  const names = Object.keys(properties).filter(
    (name) => !SHOWN_ELSEWHERE.has(name) && !hidden.includes(name),
  );
  const ordered = [...names.filter((name) => !LAST.includes(name)), ...LAST].filter((name) =>
    names.includes(name),
  );
  return (
    <div className={styles.options}>
      {isComputed && (
        <Suspense fallback={null}>
          <ComputedOptions field={field} fields={fields} onChange={onChange} />
        </Suspense>
      )}
      {ordered.map((name) => {
        const set = (value: Json) => onChange(withOption(field, name, value));
        const value = field[name] ?? null;
        if (type.name === "relation" && name === "to")
          return (
            <TargetPicker key={name} definition={definition} value={value} onChange={set} />
          );
        const inner = type.name === "lines" && name === "fields" ? innerFields(field) : null;
        if (inner)
          return (
            <fieldset key={name} className={styles.lines}>
              <legend className={styles.type}>{t("console.lineFields")}</legend>
              {lines(inner, set)}
            </fieldset>
          );
        if (name === "default" && hasPlainDefault(type.name, value))
          return (
            <DefaultOption
              key={`default ${type.name}`}
              type={type.name}
              choices={field.options ?? null}
              description={properties.default?.description}
              value={value}
              set={set}
            />
          );
        return (
          <Option key={name} name={name} schema={properties[name] ?? {}} value={value} set={set} />
        );
      })}
    </div>
  );
}

/** Returns the options in the JSON Schema of a field type. */
export function propertiesOf(schema: PropertySchema): { [name: string]: PropertySchema } {
  const at = schema.$ref?.split("/").at(-1);
  return (at ? schema.$defs?.[at]?.properties : schema.properties) ?? {};
}

type Kind = "boolean" | "number" | "text" | "one" | "values" | "json";

function kindOf(name: string, schema: PropertySchema): Kind {
  const parts = schema.anyOf ?? [schema];
  const has = (type: string) => parts.some((part) => part.type === type);
  if (schema.enum) return "one";
  if (has("boolean")) return "boolean";
  if (has("integer") || has("number")) return "number";
  if (name === "options") return "values";
  if (has("string")) return "text";
  return "json";
}

type OptionProps = {
  name: string;
  schema: PropertySchema;
  value: Json;
  set: (value: Json) => void;
};

/** One option of a type, entered as its JSON Schema says. */
export function Option({ name, schema, value, set }: OptionProps) {
  const t = useText();
  const shared = { label: wordsOf(name), description: schema.description, size: "xs" } as const;
  const kind = kindOf(name, schema);
  // A label may be an object with a text per language; that one is edited as JSON.
  const isPlain = value === null || typeof value !== "object";
  if (kind === "boolean")
    return (
      <Checkbox
        {...shared}
        checked={value === true}
        onChange={(event) => set(event.currentTarget.checked || null)}
      />
    );
  if (kind === "one")
    return (
      <NativeSelect
        {...shared}
        data={(schema.enum ?? []).map(String)}
        value={String(value ?? schema.default ?? "")}
        onChange={(event) => set(event.currentTarget.value)}
      />
    );
  if (kind === "values") return <Values shared={shared} value={value} set={set} />;
  if (kind === "json" || !isPlain)
    return <JsonOption shared={shared} value={value} set={set} wrong={t("console.notJson")} />;
  return (
    <TextInput
      {...shared}
      type={kind === "number" ? "number" : "text"}
      value={value === null ? "" : String(value)}
      placeholder={schema.default === undefined ? "" : String(schema.default ?? "")}
      onChange={({ currentTarget: { value: typed } }) =>
        set(typed === "" ? null : kind === "number" ? Number(typed) : typed)
      }
    />
  );
}

type Shared = { label: string; description: string | undefined; size: "xs" };
type PartProps = { shared: Shared; value: Json; set: (value: Json) => void };

/** The values of a choice, one on a line; labels and colours of known values stay. */
function Values({ shared, value, set }: PartProps) {
  const t = useText();
  const items = Array.isArray(value) ? value : [];
  const [typed, setTyped] = useState(() => items.map(valueOf).join("\n"));
  return (
    <Textarea
      {...shared}
      description={t("console.valuesHelp")}
      autosize
      minRows={3}
      value={typed}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        const next = choicesOf(text, items);
        set(next.length ? next : null);
      }}
      onBlur={() => setTyped(items.map(valueOf).join("\n"))}
    />
  );
}

function JsonOption({ shared, value, set, wrong }: PartProps & { wrong: string }) {
  const shown = value === null ? "" : JSON.stringify(value);
  const [typed, setTyped] = useState<string | null>(null);
  const [error, setError] = useState("");
  return (
    <TextInput
      {...shared}
      error={error}
      value={typed ?? shown}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => {
        if (typed === null) return;
        const parsed = parse(typed);
        setError(parsed === undefined ? wrong : "");
        if (parsed === undefined) return;
        set(parsed);
        setTyped(null);
      }}
    />
  );
}

/** Returns what stands there; undefined when it is no JSON. */
function parse(typed: string): Json | undefined {
  try {
    return typed.trim() === "" ? null : (JSON.parse(typed) as Json);
  } catch {
    return undefined;
  }
}
