import { Select } from "@mantine/core";
import { labelText, useText } from "../i18n";
import styles from "./Definition.module.css";
import type { FieldType } from "./definition";

type Props = {
  label: string;
  types: readonly FieldType[];
  value: string;
  onChange: (type: string) => void;
};

/** Chooses a field type by name, label or what it is for. */
export function TypePicker({ label, types, value, onChange }: Props) {
  const t = useText();
  const known = new Map(types.map((type) => [type.name, type]));
  const labelFor = (name: string) => labelText(known.get(name)?.label, name);
  const about = (name: string) => labelText(known.get(name)?.description, "");
  const names = known.has(value) ? [...known.keys()] : [value, ...known.keys()];
  return (
    <Select
      label={t("console.type")}
      aria-label={label}
      searchable
      allowDeselect={false}
      nothingFoundMessage={t("console.noType")}
      comboboxProps={{ width: 320, position: "bottom-start" }}
      data={names.map((name) => ({ value: name, label: labelFor(name) }))}
      filter={({ options, search }) => {
        const wanted = search.trim().toLowerCase();
        return options.filter(
          (option) =>
            "value" in option &&
            `${option.value} ${option.label} ${about(option.value)}`.toLowerCase().includes(wanted),
        );
      }}
      renderOption={({ option }) => (
        <span>
          <span className={styles.type}>{option.label}</span>
          <span className={styles.about}>{about(option.value)}</span>
        </span>
      )}
      value={value}
      onChange={(next) => next && onChange(next)}
    />
  );
}
