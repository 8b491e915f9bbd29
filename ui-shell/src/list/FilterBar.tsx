import {
  Button,
  CloseButton,
  Group,
  NativeSelect,
  Popover,
  Stack,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { ListFilter } from "lucide-react";
import { useState } from "react";
import type { Column, Json, JsonObject } from "../api/types";
import { labelText, type TextKey, useText, wordsOf } from "../i18n";
import {
  type Clause,
  type Clauses,
  clausesOf,
  filterOf,
  isReversed,
  offeredOperators,
  reversedFields,
} from "./filters";
import { cellText } from "./format";
import styles from "./List.module.css";
import { TargetTitle } from "./TargetTitle";
import { ValueInput } from "./ValueInput";

type Props = {
  available: readonly Column[];
  likely: readonly string[];
  filter: JsonObject;
  onChange: (filter: JsonObject) => void;
};

/** The filters of a list as chips; each opens its own small editor. */
export function FilterBar({ available, likely, filter, onChange }: Props) {
  const t = useText();
  const [open, setOpen] = useState<number | null>(null);
  const parsed = clausesOf(filter);
  if (!parsed) {
    return (
      <span className={styles.chip}>
        {t("list.nested")}
        <CloseButton size="sm" aria-label={t("list.clear")} onClick={() => onChange({})} />
      </span>
    );
  }
  const { clauses, any } = parsed;
  const put = (next: Partial<Clauses>) => onChange(filterOf({ ...parsed, ...next }));
  const filterable = available.filter((column) => column.operators?.length);
  const ordered = [
    ...filterable.filter((column) => likely.includes(column.field)),
    ...filterable.filter((column) => !likely.includes(column.field)),
  ];
  const typeOf = (field: string) =>
    available.find((column) => column.field === field)?.type ?? "";
  const editor = (clause: Clause | null, at: number) => (
    <ClauseEditor
      columns={ordered}
      clause={clause}
      onDone={(done) => {
        put({ clauses: clauses.toSpliced(at, clause ? 1 : 0, done) });
        setOpen(null);
      }}
    />
  );
  return (
    <Group gap="xs" role="group" aria-label={t("list.filters")}>
      {clauses.length > 1 && (
        <NativeSelect
          size="xs"
          aria-label={t("list.match")}
          value={any ? "any" : "all"}
          data={[
            { value: "all", label: t("list.matchAll") },
            { value: "any", label: t("list.matchAny") },
          ]}
          onChange={(event) => put({ any: event.currentTarget.value === "any" })}
        />
      )}
      {clauses.map((clause, at) => (
        <span key={`${clause.field} ${clause.operator} ${at}`} className={styles.chip}>
          <Popover
            opened={open === at}
            onChange={(now) => setOpen(now ? at : null)}
            trapFocus
            withinPortal
          >
            <Popover.Target>
              <UnstyledButton fz="sm" onClick={() => setOpen(at)}>
                <ClauseText clause={clause} columns={available} />
              </UnstyledButton>
            </Popover.Target>
            <Popover.Dropdown>{editor(clause, at)}</Popover.Dropdown>
          </Popover>
          <CloseButton
            size="sm"
            aria-label={t("list.removeFilter")}
            onClick={() => put({ clauses: clauses.toSpliced(at, 1) })}
          />
        </span>
      ))}
      <Popover opened={open === -1} onChange={(now) => setOpen(now ? -1 : null)} trapFocus>
        <Popover.Target>
          <Button
            variant="default"
            leftSection={<ListFilter size={16} />}
            onClick={() => setOpen(open === -1 ? null : -1)}
          >
            {t("list.addFilter")}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>{editor(null, clauses.length)}</Popover.Dropdown>
      </Popover>
      {reversedFields(parsed, typeOf).map((field) => (
        <Text key={field} role="alert" size="sm" c="var(--warning-text)">
          {t("list.reversedField", { name: columnName(available, field) })}
        </Text>
      ))}
    </Group>
  );
}

type EditorProps = {
  columns: readonly Column[];
  clause: Clause | null;
  onDone: (clause: Clause) => void;
};

function ClauseEditor({ columns, clause, onDone }: EditorProps) {
  const t = useText();
  const [field, setField] = useState(clause?.field ?? columns[0]?.field ?? "");
  const column = columns.find((item) => item.field === field);
  const operators = column ? offeredOperators(column.type, column.operators ?? []) : [];
  const [picked, setPicked] = useState(clause?.operator);
  const operator = picked && operators.includes(picked) ? picked : (operators[0] ?? "_eq");
  const [value, setValue] = useState<Json>(clause?.value ?? null);
  if (!column) return null;
  const pair = Array.isArray(value) ? value : [null, null];
  const single = Array.isArray(value) ? (value[0] ?? null) : value;
  const ready =
    operator === "_null" ||
    (operator === "_between" ? pair.length === 2 && !pair.includes(null) : single !== null);
  const isBackwards = operator === "_between" && isReversed(column.type, pair[0], pair[1]);
  const result = (): Json => {
    if (operator === "_null") return value !== false;
    if (operator === "_between") return pair;
    return operator === "_in" || operator === "_nin" ? [single] : single;
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        if (ready && !isBackwards) onDone({ field, operator, value: result() });
      }}
    >
      <Stack gap="xs" w={260}>
        <NativeSelect
          label={t("list.field")}
          value={field}
          data={columns.map((item) => ({
            value: item.field,
            label: labelText(item.label, wordsOf(item.field)),
          }))}
          onChange={(event) => {
            setField(event.currentTarget.value);
            setPicked(undefined);
            setValue(null);
          }}
        />
        <NativeSelect
          label={t("list.operator")}
          value={operator}
          data={operators.map((name) => ({ value: name, label: operatorText(t, name) }))}
          onChange={(event) => {
            setPicked(event.currentTarget.value);
            setValue(null);
          }}
        />
        {operator === "_null" ? (
          <NativeSelect
            label={t("list.value")}
            value={value === false ? "no" : "yes"}
            data={[
              { value: "yes", label: t("list.isEmpty") },
              { value: "no", label: t("list.isSet") },
            ]}
            onChange={(event) => setValue(event.currentTarget.value === "yes")}
          />
        ) : operator === "_between" ? (
          [t("list.from"), t("list.to")].map((label, at) => (
            <ValueInput
              key={`${field} ${label}`}
              column={column}
              label={label}
              value={pair[at] ?? null}
              onChange={(next) => setValue([0, 1].map((i) => (i === at ? next : (pair[i] ?? null))))}
            />
          ))
        ) : (
          <ValueInput
            key={`${field} ${operator}`}
            column={column}
            label={t("list.value")}
            value={single}
            onChange={setValue}
          />
        )}
        {isBackwards && (
          <Text role="alert" size="sm" c="var(--danger-text)">
            {t("list.reversed")}
          </Text>
        )}
        <Button type="submit" disabled={!ready || isBackwards}>
          {t("list.apply")}
        </Button>
      </Stack>
    </form>
  );
}

const operatorText = (t: ReturnType<typeof useText>, name: string): string => {
  const key = `list.op${name}` as TextKey;
  const text = t(key);
  return text === key ? wordsOf(name) : text;
};

const columnName = (columns: readonly Column[], field: string): string =>
  labelText(columns.find((item) => item.field === field)?.label, wordsOf(field));

function ClauseText({ clause, columns }: { clause: Clause; columns: readonly Column[] }) {
  const t = useText();
  const column = columns.find((item) => item.field === clause.field);
  const name = columnName(columns, clause.field);
  const { value, operator } = clause;
  if (operator === "_null") return `${name} ${t(value === false ? "list.isSet" : "list.isEmpty")}`;
  const values = Array.isArray(value) ? value : [value];
  return (
    <>
      {`${name} ${operatorText(t, operator)} `}
      {values.map((item, at) => (
        <span key={JSON.stringify(item)}>
          {at > 0 && " – "}
          <strong>
            {column?.type === "relation" && typeof item === "string" ? (
              <TargetTitle column={column} id={item} />
            ) : column && !String(item).startsWith("$") ? (
              cellText(column, item) || String(item)
            ) : (
              String(item)
            )}
          </strong>
        </span>
      ))}
    </>
  );
}
