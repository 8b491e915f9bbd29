import { NativeSelect, TextInput } from "@mantine/core";
import type { Column, JsonObject } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";

type Props = {
  column: Column | undefined;
  filter: JsonObject;
  onChange: (filter: JsonObject) => void;
};

/** A quick filter: choices are picked, anything else is typed and taken with Enter. */
export function FilterChip({ column, filter, onChange }: Props) {
  const t = useText();
  if (!column || column.type === "relation") return null;
  const { field } = column;
  const label = labelText(column.label, wordsOf(field));
  const choices = column.options?.choices;
  const operator = !choices && column.operators?.includes("_icontains") ? "_icontains" : "_eq";
  const current = filter[field];
  const value =
    current && typeof current === "object" && !Array.isArray(current)
      ? String(current[operator] ?? "")
      : "";
  const take = (text: string) => {
    if (text === value) return;
    const { [field]: _, ...rest } = filter;
    onChange(text ? { ...rest, [field]: { [operator]: text } } : rest);
  };
  if (choices) {
    return (
      <NativeSelect
        aria-label={label}
        value={value}
        data={[
          { value: "", label: t("list.any", { name: label }) },
          ...choices.map((choice) => ({
            value: String(choice.value),
            label: labelText(choice.label, String(choice.value)),
          })),
        ]}
        onChange={(event) => take(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      key={value}
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      onBlur={(event) => take(event.currentTarget.value.trim())}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(event.currentTarget.value.trim());
      }}
    />
  );
}
