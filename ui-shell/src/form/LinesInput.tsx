import { ActionIcon, Button, Fieldset, Group, Stack, Text } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import type { JsonObject, UiElement } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { FieldInput, type InputProps } from "./FieldInput";
import { nameOf } from "./values";

/** The rows that belong to a record, edited inside its form. */
export function LinesInput({ common, options, schema, value, onChange }: InputProps) {
  const t = useText();
  const rows = (Array.isArray(value) ? value : []) as JsonObject[];
  const columns = (options.columns ?? []) as UiElement[];
  const items = schema?.items ?? schema?.anyOf?.find((item) => item.items)?.items;
  const change = (index: number, name: string, next: JsonObject[string]) =>
    onChange(rows.map((row, at) => (at === index ? { ...row, [name]: next } : row)));
  return (
    <Fieldset legend={common.label} disabled={common.disabled}>
      <Stack gap="xs">
        {common.error && (
          <Text c="red" size="sm">
            {common.error}
          </Text>
        )}
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: new rows have no id yet
          <Group key={index} align="flex-end" wrap="nowrap">
            {columns.map((column) => {
              const name = nameOf(column);
              const label =
                typeof column.label === "boolean"
                  ? wordsOf(name)
                  : labelText(column.label, wordsOf(name));
              return (
                <FieldInput
                  key={name}
                  common={{
                    id: `${common.id}-${index}-${name}`,
                    label,
                    disabled: common.disabled,
                    withAsterisk: column.options?.required === true,
                  }}
                  schema={items?.properties?.[name]}
                  options={column.options ?? {}}
                  value={row[name] ?? null}
                  onChange={(next) => change(index, name, next)}
                />
              );
            })}
            <ActionIcon
              variant="subtle"
              color="red"
              size="lg"
              aria-label={t("form.removeRow")}
              onClick={() => onChange(rows.filter((_, at) => at !== index))}
            >
              <Trash2 size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            variant="default"
            size="xs"
            leftSection={<Plus size={14} />}
            onClick={() => onChange([...rows, {}])}
          >
            {t("form.addRow")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
