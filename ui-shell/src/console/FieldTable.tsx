import { ActionIcon, Button, Checkbox, Group, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Settings2, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useText } from "../i18n";
import { fieldTypesQuery } from "./api";
import styles from "./Definition.module.css";
import {
  COMPUTED_WITHOUT,
  type FieldDefinition,
  labelOf,
  named,
  newField,
  type ServiceDefinition,
  withOption,
  withType,
} from "./definition";
import { TypePicker } from "./TypePicker";

const FieldOptions = lazy(() => import("./FieldOptions"));

type Props = {
  definition: ServiceDefinition;
  fields: FieldDefinition[];
  kept: ReadonlySet<string>;
  /** The number of the field these are the lines of, such as `2`. */
  within?: string;
  onChange: (fields: FieldDefinition[]) => void;
};

const SWITCHES = ["required", "unique", "index", "search"] as const;
const WANTS_OPTIONS = new Set(["choice", "multi_choice", "relation", "computed", "sequence", "lines"]);
const switchesOf = (type: string) =>
  SWITCHES.filter((name) => type !== "computed" || !COMPUTED_WITHOUT.includes(name));
/** Lines have no lines of their own. */
const NOT_WITHIN_LINES = "lines";

/** The fields of an entity, or of a field's lines, each with its type and options. */
export function FieldTable({ definition, fields, kept, within, onChange }: Props) {
  const t = useText();
  const all = useQuery(fieldTypesQuery()).data ?? [];
  const types = within ? all.filter((type) => type.name !== NOT_WITHIN_LINES) : all;
  const [open, setOpen] = useState<string | null>(null);
  const [removed, setRemoved] = useState<{ field: FieldDefinition; at: number } | null>(null);
  const move = (from: number, to: number) => {
    const next = [...fields];
    next.splice(to, 0, ...next.splice(from, 1));
    onChange(next);
  };
  const add = () => onChange([...fields, newField()]);
  return (
    <>
      <ol className={styles.fields}>
        {fields.map((field, index) => {
          const number = within ? `${within}.${index + 1}` : String(index + 1);
          const set = (next: FieldDefinition) =>
            onChange(fields.map((old) => (old.id === field.id ? next : old)));
          return (
            <li key={field.id} className={styles.field}>
              <div className={styles.row}>
                <TextInput
                  label={t("console.label")}
                  aria-label={`${t("console.label")} ${number}`}
                  value={labelOf(field.label)}
                  onChange={(event) =>
                    set(named(field, event.currentTarget.value, kept.has(field.id)))
                  }
                />
                <TextInput
                  label={t("console.fieldName")}
                  aria-label={`${t("console.fieldName")} ${number}`}
                  value={field.name}
                  maxLength={63}
                  onChange={(event) => set({ ...field, name: event.currentTarget.value })}
                />
                <TypePicker
                  label={`${t("console.type")} ${number}`}
                  types={types}
                  value={field.type}
                  onChange={(type) => {
                    set(withType(field, type));
                    if (WANTS_OPTIONS.has(type)) setOpen(field.id);
                  }}
                />
                <Group gap={2} wrap="nowrap">
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    disabled={index === 0}
                    aria-label={`${t("console.moveUp")} ${number}`}
                    onClick={() => move(index, index - 1)}
                  >
                    <ArrowUp size={16} />
                  </ActionIcon>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    disabled={index === fields.length - 1}
                    aria-label={`${t("console.moveDown")} ${number}`}
                    onClick={() => move(index, index + 1)}
                  >
                    <ArrowDown size={16} />
                  </ActionIcon>
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={`${t("console.remove")} ${number}`}
                    onClick={() => {
                      setRemoved({ field, at: index });
                      onChange(fields.filter((old) => old.id !== field.id));
                    }}
                  >
                    <Trash2 size={16} />
                  </ActionIcon>
                </Group>
              </div>
              <div className={styles.switches}>
                {switchesOf(field.type).map((name) => (
                  <Checkbox
                    key={name}
                    size="xs"
                    label={t(`console.${name}`)}
                    aria-label={`${t(`console.${name}`)} ${number}`}
                    checked={field[name] === true}
                    onChange={(event) =>
                      set(withOption(field, name, event.currentTarget.checked || null))
                    }
                  />
                ))}
                <Button
                  variant="subtle"
                  size="compact-xs"
                  leftSection={<Settings2 size={13} />}
                  aria-expanded={open === field.id}
                  aria-label={`${t("console.options")} ${number}`}
                  onClick={() => setOpen(open === field.id ? null : field.id)}
                >
                  {t("console.options")}
                </Button>
              </div>
              {open === field.id && (
                <Suspense fallback={null}>
                  <FieldOptions
                    definition={definition}
                    field={field}
                    fields={fields}
                    type={types.find((type) => type.name === field.type)}
                    onChange={set}
                    lines={(inner, change) => (
                      <FieldTable
                        definition={definition}
                        fields={inner}
                        kept={kept}
                        within={number}
                        onChange={change}
                      />
                    )}
                  />
                </Suspense>
              )}
            </li>
          );
        })}
      </ol>
      <Group>
        <Button variant="default" size="xs" onClick={add}>
          {t("console.addField")}
        </Button>
        {removed && (
          <Group gap="xs" role="status">
            <Text size="sm">{t("console.fieldRemoved", { name: removed.field.name })}</Text>
            <Button
              variant="light"
              size="xs"
              onClick={() => {
                onChange(fields.toSpliced(removed.at, 0, removed.field));
                setRemoved(null);
              }}
            >
              {t("common.undo")}
            </Button>
          </Group>
        )}
      </Group>
    </>
  );
}
