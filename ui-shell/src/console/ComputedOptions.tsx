import { NativeSelect, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Json, JsonObject } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { fieldTypesQuery } from "./api";
import styles from "./Definition.module.css";
import { type FieldDefinition, withOption } from "./definition";
import { Option, propertiesOf } from "./FieldOptions";
import { FUNCTIONS, isObject, parseFormula } from "./formula";
import { formulaText } from "./formulaText";

type Props = {
  field: FieldDefinition;
  fields: readonly FieldDefinition[];
  onChange: (field: FieldDefinition) => void;
};

// What the server takes as a result, and what it computes with: docs/field-types.md.
const RESULTS = "decimal integer money percent rate bytes text boolean date".split(" ");
const RESULT_OPTIONS = ["currency", "scale", "precision"];
const COMPUTABLE = new Set(
  `integer money rate bytes duration decimal percent text long_text email phone url choice
   boolean date`.split(/\s+/),
);

/** What a computed field shows, and the formula of its value. */
export default function ComputedOptions({ field, fields, onChange }: Props) {
  const t = useText();
  const types = useQuery(fieldTypesQuery()).data ?? [];
  const result: JsonObject = isObject(field.result) ? field.result : {};
  const shown = typeof result.type === "string" ? result.type : "";
  const type = types.find((item) => item.name === shown);
  const properties = type ? propertiesOf(type.schema) : {};
  const labelFor = (name: string) =>
    labelText(types.find((item) => item.name === name)?.label, wordsOf(name));
  const names = RESULTS.includes(shown) ? RESULTS : [shown, ...RESULTS];
  const setResult = (next: JsonObject) => onChange(withOption(field, "result", next));
  const setExpression = (next: Json) => onChange(withOption(field, "expression", next));
  const expression = field.expression ?? null;
  const text = expression === null ? "" : formulaText(expression);
  return (
    <>
      <NativeSelect
        size="xs"
        label={t("console.result")}
        data={names.map((name) => ({ value: name, label: labelFor(name) }))}
        value={shown}
        onChange={(event) => setResult({ type: event.currentTarget.value })}
      />
      {RESULT_OPTIONS.filter((name) => name in properties).map((name) => (
        <Option
          key={`${shown} ${name}`}
          name={name}
          schema={properties[name] ?? {}}
          value={result[name] ?? null}
          set={(value) => {
            const { [name]: _, ...rest } = result;
            setResult(value === null ? rest : { ...rest, [name]: value });
          }}
        />
      ))}
      <div className={styles.wide}>
        {text === null ? (
          <>
            <Option name="expression" schema={{}} value={expression} set={setExpression} />
            <Text size="xs" c="dimmed">
              {t("console.formulaJson")}
            </Text>
          </>
        ) : (
          <Formula
            text={text}
            fields={fields.filter((item) => item.id !== field.id && item.name)}
            onChange={setExpression}
          />
        )}
      </div>
    </>
  );
}

type FormulaProps = {
  text: string;
  fields: readonly FieldDefinition[];
  onChange: (expression: Json) => void;
};

const LONGEST = 2000;

function Formula({ text, fields, onChange }: FormulaProps) {
  const t = useText();
  // What is typed stays as it is typed until the expression changes from elsewhere.
  const [typed, setTyped] = useState({ text, of: text });
  const shown = typed.of === text ? typed.text : text;
  const names = fields.map((item) => item.name);
  const parsed = shown.trim() === "" ? null : parseFormula(shown, names);
  const mistake = parsed && "mistake" in parsed ? parsed.mistake : null;
  const usable = fields.filter((item) => COMPUTABLE.has(item.type)).map((item) => item.name);
  return (
    <Textarea
      size="xs"
      label={t("console.formula")}
      description={t("console.formulaHelp", {
        fields: usable.join(", ") || "–",
        functions: [...FUNCTIONS.keys()].join(", "),
      })}
      placeholder="quantity * price - discount"
      required
      autosize
      minRows={1}
      maxLength={LONGEST}
      spellCheck={false}
      className={styles.formula ?? ""}
      value={shown}
      error={
        mistake &&
        `${t("console.formulaAt", { at: mistake.at + 1 })} ${t(mistake.key, mistake.values)}`
      }
      onChange={(event) => {
        const next = event.currentTarget.value;
        const isEmpty = next.trim() === "";
        const read = isEmpty ? { expression: null } : parseFormula(next, names);
        if ("mistake" in read) {
          setTyped({ text: next, of: text });
          return;
        }
        // Null alone is no expression: the option goes, and its formula is empty.
        const of = read.expression === null ? "" : (formulaText(read.expression) ?? "");
        setTyped({ text: next, of });
        onChange(read.expression);
      }}
    />
  );
}
