import { NativeSelect, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listQuery } from "../api/queries";
import { sourceOfTarget } from "../api/source";
import type { Column, Json } from "../api/types";
import { titleFieldOf, titleOf } from "../api/useTitle";
import { labelText, type TextKey, useText } from "../i18n";
import { minorUnits, plainNumber, quantity } from "../number";

const RELATIVE: readonly [string, TextKey][] = [
  ["$now", "list.now"],
  ["$now(-1 days)", "list.dayAgo"],
  ["$now(-7 days)", "list.weekAgo"],
  ["$now(-30 days)", "list.monthAgo"],
  ["$now(-365 days)", "list.yearAgo"],
  ["$now(7 days)", "list.weekAhead"],
  ["$now(30 days)", "list.monthAhead"],
];
const WHOLE = new Set(["integer", "rate", "bytes", "duration"]);
const DECIMAL = new Set(["decimal", "percent"]);

type Props = { column: Column; label: string; value: Json; onChange: (value: Json) => void };

/** One value to compare with, entered as its type is: picked, dated, counted or typed. */
export function ValueInput({ column, label, value, onChange }: Props) {
  const t = useText();
  const text = value === null || value === undefined ? "" : String(value);
  const { type, options = {} } = column;
  if (type === "relation") return <TargetInput {...{ column, label, value, onChange }} />;
  if (type === "boolean" || options.choices) {
    const choices = options.choices ?? [
      { value: true, label: t("common.yes") },
      { value: false, label: t("common.no") },
    ];
    return (
      <NativeSelect
        label={label}
        value={text}
        data={[
          { value: "", label: t("form.choose") },
          ...choices.map((choice) => ({
            value: String(choice.value),
            label: labelText(choice.label, String(choice.value)),
          })),
        ]}
        onChange={(event) => {
          const picked = event.currentTarget.value;
          onChange(choices.find((choice) => String(choice.value) === picked)?.value ?? null);
        }}
      />
    );
  }
  if (type === "date" || type === "datetime") return <DateInput {...{ column, label, value, onChange }} />;
  const digits = type === "money" ? Number(options.digits ?? 0) : 0;
  return (
    <TextInput
      label={label}
      inputMode={WHOLE.has(type) || type === "money" ? "numeric" : "text"}
      defaultValue={type === "money" && text ? String(Number(text) / 10 ** digits) : text}
      onChange={(event) => {
        const typed = event.currentTarget.value.trim();
        if (type === "money") onChange(typed ? (minorUnits(typed, digits) ?? typed) : null);
        else if (type === "rate" || type === "bytes") {
          onChange(typed ? (quantity(typed, type) ?? typed) : null);
        } else if (WHOLE.has(type) && /^-?\d+$/.test(typed)) onChange(Number(typed));
        else if (DECIMAL.has(type)) onChange(typed ? (plainNumber(typed) ?? typed) : null);
        else onChange(typed || null);
      }}
    />
  );
}

function DateInput({ column, label, value, onChange }: Props) {
  const t = useText();
  const text = value === null ? "" : String(value);
  const relative = text.startsWith("$");
  const isDate = column.type === "date";
  return (
    <>
      <NativeSelect
        label={label}
        value={relative ? text.replace("$today", "$now") : ""}
        data={[
          { value: "", label: t("list.exactDate") },
          ...RELATIVE.map(([name, key]) => ({ value: name, label: t(key) })),
        ]}
        onChange={(event) => {
          const picked = event.currentTarget.value;
          onChange((isDate ? picked.replace("$now", "$today") : picked) || null);
        }}
      />
      {!relative && (
        <TextInput
          aria-label={`${label}: ${t("list.exactDate")}`}
          type={isDate ? "date" : "datetime-local"}
          defaultValue={isDate ? text : text.slice(0, 16)}
          onChange={(event) => {
            const typed = event.currentTarget.value;
            onChange(typed ? (isDate ? typed : new Date(typed).toISOString()) : null);
          }}
        />
      )}
    </>
  );
}

function TargetInput({ column, label, value, onChange }: Props) {
  const t = useText();
  const [text, setText] = useState("");
  const [search] = useDebouncedValue(text, 200);
  const source = sourceOfTarget(String(column.options?.target ?? ""));
  const titleField = titleFieldOf(column.options);
  const found = useQuery(listQuery(source, { search: search || undefined, limit: 50 }));
  const data = (found.data?.data ?? []).map((record) => ({
    value: record.id,
    label: titleOf(record, titleField),
  }));
  return (
    <Select
      label={label}
      searchable
      placeholder={t("form.choose")}
      comboboxProps={{ withinPortal: false }}
      data={data}
      filter={({ options }) => options}
      value={typeof value === "string" ? value : null}
      onChange={onChange}
      onSearchChange={setText}
    />
  );
}
