import { ActionIcon, Button, Checkbox, NativeSelect, Table, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import type { JsonObject } from "../api/types";
import { JsonInput } from "../form/JsonInput";
import { labelText, useText, wordsOf } from "../i18n";
import { fieldTypesQuery } from "./api";
import {
  type FieldDefinition,
  labelOf,
  newField,
  optionsOf,
  withFlag,
  withLabel,
  withOptions,
} from "./definition";

type Props = { fields: FieldDefinition[]; onChange: (fields: FieldDefinition[]) => void };
const FLAGS = ["required", "unique", "search"] as const;

/** The fields of one entity as a table. */
export function FieldsTable({ fields, onChange }: Props) {
  const t = useText();
  const types = useQuery(fieldTypesQuery());
  const change = (next: FieldDefinition) =>
    onChange(fields.map((field) => (field.id === next.id ? next : field)));
  const data = (types.data ?? []).map((type) => ({
    value: type.name,
    label: labelText(type.label, wordsOf(type.name)),
  }));
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("console.name")}</Table.Th>
            <Table.Th>{t("console.label")}</Table.Th>
            <Table.Th>{t("console.type")}</Table.Th>
            {FLAGS.map((flag) => (
              <Table.Th key={flag}>{t(`console.${flag}`)}</Table.Th>
            ))}
            <Table.Th>{t("console.options")}</Table.Th>
            <Table.Th />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fields.map((field) => (
            <Table.Tr key={field.id}>
              <Table.Td>
                <TextInput
                  aria-label={`${t("console.name")} ${field.name}`}
                  value={field.name}
                  onChange={(event) => change({ ...field, name: event.currentTarget.value })}
                />
              </Table.Td>
              <Table.Td>
                <TextInput
                  aria-label={`${t("console.label")} ${field.name}`}
                  value={labelOf(field.label)}
                  onChange={(event) => change(withLabel(field, event.currentTarget.value))}
                />
              </Table.Td>
              <Table.Td>
                <NativeSelect
                  aria-label={`${t("console.type")} ${field.name}`}
                  value={field.type}
                  data={data.length ? data : [field.type]}
                  onChange={(event) => change({ ...field, type: event.currentTarget.value })}
                />
              </Table.Td>
              {FLAGS.map((flag) => (
                <Table.Td key={flag}>
                  <Checkbox
                    aria-label={`${t(`console.${flag}`)} ${field.name}`}
                    checked={field[flag] === true}
                    onChange={(event) => change(withFlag(field, flag, event.currentTarget.checked))}
                  />
                </Table.Td>
              ))}
              <Table.Td>
                <OptionsInput field={field} onChange={change} />
              </Table.Td>
              <Table.Td>
                <ActionIcon
                  variant="subtle"
                  color="red"
                  aria-label={`${t("console.remove")} ${field.name}`}
                  onClick={() => onChange(fields.filter((item) => item.id !== field.id))}
                >
                  <Trash2 size={16} />
                </ActionIcon>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Button variant="default" size="xs" mt="xs" onClick={() => onChange([...fields, newField()])}>
        {t("console.addField")}
      </Button>
    </Table.ScrollContainer>
  );
}

type OptionsProps = { field: FieldDefinition; onChange: (field: FieldDefinition) => void };

function OptionsInput({ field, onChange }: OptionsProps) {
  const t = useText();
  const options = optionsOf(field);
  return (
    <JsonInput
      common={{
        id: `options-${field.id}`,
        label: `${t("console.options")} ${field.name}`,
        disabled: false,
        withAsterisk: false,
      }}
      hideLabel
      schema={undefined}
      options={{}}
      value={Object.keys(options).length ? options : null}
      onChange={(next) => onChange(withOptions(field, (next ?? {}) as JsonObject))}
    />
  );
}
