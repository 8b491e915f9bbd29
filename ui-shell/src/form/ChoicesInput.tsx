import { MultiSelect, TagsInput } from "@mantine/core";
import { labelText } from "../i18n";
import type { InputProps } from "./Field";
import { nameOf } from "./values";

/** Several words: some of the choices, or any words where there are none to choose. */
export function ChoicesInput(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const choices = element.options?.choices;
  const common = {
    id,
    name: nameOf(element),
    value: Array.isArray(value) ? value.map(String) : [],
    readOnly,
    error: invalid,
    "aria-describedby": describedBy,
    clearable: !readOnly,
    onChange,
  };
  if (!choices) return <TagsInput {...common} splitChars={[",", ";"]} />;
  return (
    <MultiSelect
      {...common}
      searchable
      hidePickedOptions
      data={choices.map((choice) => ({
        value: String(choice.value),
        label: labelText(choice.label, String(choice.value)),
      }))}
    />
  );
}
