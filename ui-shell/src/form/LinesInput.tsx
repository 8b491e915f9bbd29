import { ActionIcon, Button, Fieldset, Group, Stack } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import type { JsonObject, UiElement } from "../api/types";
import { useText } from "../i18n";
import { Field, type InputProps } from "./Field";
import { nameOf } from "./values";

/** The rows that belong to a record, edited inside its form. */
export function LinesInput({ element, schema, value, readOnly, onChange }: InputProps) {
  const t = useText();
  const rows = (Array.isArray(value) ? value : []) as JsonObject[];
  const columns = (element.options?.columns ?? []) as UiElement[];
  const items = schema?.items ?? schema?.anyOf?.find((item) => item.items)?.items;
  const change = (index: number, name: string, next: JsonObject[string]) =>
    onChange(rows.map((row, at) => (at === index ? { ...row, [name]: next } : row)));
  return (
    <Fieldset disabled={readOnly}>
      <Stack gap="xs">
        {rows.map((row, index) => (
          <Group
            key={index}
            align="flex-end"
            role="group"
            aria-label={t("form.row", { row: index + 1 })}
          >
            {columns.map((column) => {
              const name = nameOf(column);
              return (
                <Field
                  key={name}
                  element={column}
                  schema={items?.properties?.[name] ?? {}}
                  value={row[name] ?? null}
                  error={undefined}
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
