import {
  Checkbox,
  MultiSelect,
  NativeSelect,
  PasswordInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import type { FieldOptions, Json, PropertySchema } from "../api/types";
import { labelText, useText } from "../i18n";
import { JsonInput } from "./JsonInput";
import { LinesInput } from "./LinesInput";
import { PointInput } from "./PointInput";
import { RelationInput } from "./RelationInput";
import { typeOf, valueOfText } from "./values";

export type CommonProps = {
  id: string;
  label: string;
  description?: string | undefined;
  error?: string | undefined;
  disabled: boolean;
  withAsterisk: boolean;
};
export type InputProps = {
  common: CommonProps;
  schema: PropertySchema | undefined;
  options: FieldOptions;
  value: Json;
  onChange: (value: Json) => void;
};

const INPUT_TYPES: { [widget: string]: string } = {
  email: "email",
  phone: "tel",
  url: "url",
  colour: "color",
  date: "date",
  time: "time",
  number: "number",
  money: "number",
  percent: "number",
  rate: "number",
  bytes: "number",
};

/** The input of one field: by its widget, and by its JSON type without one. */
export function FieldInput(props: InputProps) {
  const t = useText();
  const { common, schema, options, value, onChange } = props;
  const type = typeOf(schema);
  const widget = options.widget ?? { boolean: "switch", integer: "number" }[type] ?? "text";
  const text = value === null || typeof value === "object" ? "" : String(value);
  const choices = (options.choices ?? []).map((choice) => ({
    value: String(choice.value),
    label: labelText(choice.label, String(choice.value)),
  }));
  switch (widget) {
    case "relation":
      return <RelationInput {...props} />;
    case "lines":
      return <LinesInput {...props} />;
    case "geo-point":
      return <PointInput {...props} />;
    case "json":
      return <JsonInput {...props} />;
    case "switch": {
      const { withAsterisk: _, ...rest } = common;
      return (
        <Checkbox
          {...rest}
          mt="lg"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    }
    case "select":
      return (
        <NativeSelect
          {...common}
          value={text}
          data={[{ value: "", label: t("form.choose") }, ...choices]}
          onChange={(event) => onChange(event.currentTarget.value || null)}
        />
      );
    case "multiselect":
      return <MultiSelect {...common} data={choices} value={strings(value)} onChange={onChange} />;
    case "tags":
      return (
        <TextInput
          {...common}
          value={strings(value).join(", ")}
          onChange={(event) => onChange(event.currentTarget.value.split(/,\s*/))}
          onBlur={() => onChange(strings(value).filter(Boolean))}
        />
      );
    case "textarea":
    case "rich-text":
      return (
        <Textarea
          {...common}
          autosize
          minRows={3}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value || null)}
        />
      );
    case "secret":
      return (
        <PasswordInput
          {...common}
          autoComplete="new-password"
          placeholder={value ? t("form.secret") : undefined}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value || null)}
        />
      );
    case "datetime":
      return (
        <TextInput
          {...common}
          type="datetime-local"
          value={localTime(text)}
          onChange={(event) => {
            const typed = event.currentTarget.value;
            onChange(typed ? new Date(typed).toISOString() : null);
          }}
        />
      );
  }
  return (
    <TextInput
      {...common}
      type={INPUT_TYPES[widget] ?? "text"}
      step="any"
      value={text}
      onChange={(event) => onChange(valueOfText(event.currentTarget.value, type))}
    />
  );
}

const strings = (value: Json): string[] => (Array.isArray(value) ? value.map(String) : []);

/** An instant in UTC → what `datetime-local` shows in the user's own zone. */
function localTime(text: string): string {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
