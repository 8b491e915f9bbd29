import { ActionIcon, Button, Checkbox, NativeSelect, Table, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { get } from "../api/client";
import { labelText, useText } from "../i18n";
import {
  type FieldDefinition,
  type FieldType,
  labelOf,
  newField,
  optionsOf,
  withLabel,
  withOptions,
} from "./definition";

type Props = { fields: FieldDefinition[]; onChange: (fields: FieldDefinition[]) => void };

/** The fields of an entity as a table: name, label, type, the common switches, options. */
export function FieldTable({ fields, onChange }: Props) {
  const t = useText();
  const types = useQuery({
    queryKey: ["field-types"],
    queryFn: async () => (await get<FieldType[]>("/core/field-types")).data,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const choices = (types.data ?? []).map((type) => ({
    value: type.name,
    label: labelText(type.label, type.name),
  }));
  const set = (index: number, field: FieldDefinition) =>
    onChange(fields.map((old, at) => (at === index ? field : old)));
  return (
    <>
      <Table.ScrollContainer minWidth={820}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              {(
                [
                  "console.name",
                  "console.label",
                  "console.type",
                  "console.required",
                  "console.unique",
                  "console.search",
                  "console.options",
                ] as const
              ).map((key) => (
                <Table.Th key={key}>{t(key)}</Table.Th>
              ))}
              <Table.Th aria-hidden="true" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {fields.map((field, index) => (
              <Table.Tr key={field.id}>
                <Table.Td>
                  <TextInput
                    aria-label={`${t("console.name")} ${index + 1}`}
                    value={field.name}
                    onChange={(event) => set(index, { ...field, name: event.currentTarget.value })}
                  />
                </Table.Td>
                <Table.Td>
                  <TextInput
                    aria-label={`${t("console.label")} ${index + 1}`}
                    value={labelOf(field.label)}
                    onChange={(event) => set(index, withLabel(field, event.currentTarget.value))}
                  />
                </Table.Td>
                <Table.Td>
                  <NativeSelect
                    aria-label={`${t("console.type")} ${index + 1}`}
                    value={field.type}
                    data={choices.length ? choices : [field.type]}
                    onChange={(event) =>
                      set(index, withOptions({ ...field, type: event.currentTarget.value }, {}))
                    }
                  />
                </Table.Td>
                {(["required", "unique", "search"] as const).map((name) => (
                  <Table.Td key={name}>
                    <Checkbox
                      aria-label={`${t(`console.${name}`)} ${index + 1}`}
                      checked={field[name] === true}
                      onChange={(event) =>
                        set(index, { ...field, [name]: event.currentTarget.checked })
                      }
                    />
                  </Table.Td>
                ))}
                <Table.Td>
                  <TextInput
                    key={field.type}
                    aria-label={`${t("console.options")} ${index + 1}`}
                    defaultValue={
                      Object.keys(optionsOf(field)).length ? JSON.stringify(optionsOf(field)) : ""
                    }
                    placeholder='{"max_length": 120}'
                    onBlur={(event) => {
                      try {
                        set(
                          index,
                          withOptions(field, JSON.parse(event.currentTarget.value || "{}")),
                        );
                        event.currentTarget.removeAttribute("aria-invalid");
                      } catch {
                        event.currentTarget.setAttribute("aria-invalid", "true");
                      }
                    }}
                  />
                </Table.Td>
                <Table.Td>
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={`${t("console.remove")} ${index + 1}`}
                    onClick={() => onChange(fields.filter((_, at) => at !== index))}
                  >
                    <Trash2 size={16} />
                  </ActionIcon>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Button variant="default" onClick={() => onChange([...fields, newField()])}>
        {t("console.addField")}
      </Button>
    </>
  );
}
