import { MultiSelect, TagsInput } from "@mantine/core";
import { labelText, useText } from "../i18n";
import type { InputProps } from "./Field";
import { nameOf } from "./values";

/** Several words: some of the choices, or any words where there are none to choose. */
export function ChoicesInput(props: InputProps) {
  const { id, element, value, readOnly, invalid, describedBy, onChange } = props;
  const t = useText();
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
  if (!choices) {
    const placeholder = common.value.length > 0 || readOnly ? "" : t("form.tagsHint");
    return <TagsInput {...common} placeholder={placeholder} splitChars={[",", ";"]} />;
  }
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
