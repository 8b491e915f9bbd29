import { Stack, Text, Title } from "@mantine/core";
import type { CSSProperties } from "react";
import type { Json, JsonObject, PropertySchema, UiElement } from "../api/types";
import { effectOf } from "../condition";
import { labelText } from "../i18n";
import { Field } from "./Field";
import styles from "./Field.module.css";
import { isKept, nameOf } from "./values";

type Props = {
  element: UiElement;
  schema: PropertySchema;
  values: JsonObject;
  errors: { [field: string]: string };
  locked: boolean;
  /** What is stored: an immutable field that has a value there keeps it. */
  stored: JsonObject | null;
  onChange: (name: string, value: Json) => void;
};

/** One element of a UI schema with all below it. */
export function FormLayout(props: Props) {
  const { element, schema, values, errors, locked, stored, onChange } = props;
  const { visible, enabled } = effectOf(element.rule, values);
  if (!visible) return null;
  if (element.type === "Control") {
    const name = nameOf(element);
    const property = schema.properties?.[name] ?? {};
    return (
      <Field
        element={element}
        schema={
          locked || !enabled || isKept(element, stored)
            ? { ...property, readOnly: true }
            : property
        }
        value={values[name] ?? null}
        error={errors[name]}
        onChange={(value) => onChange(name, value)}
      />
    );
  }
  if (element.type === "Label") return <Text>{labelText(element.text, "")}</Text>;
  const children = (element.elements ?? []).map((child, index) => (
    <FormLayout key={child.scope ?? `${child.type}-${index}`} {...props} element={child} />
  ));
  if (element.type === "HorizontalLayout") {
    return (
      // By its own width: a dialog is narrow on a wide screen, too.
      <div className={styles.frame}>
        <div
          className={styles.row}
          style={{ "--columns": Math.max(2, children.length) } as CSSProperties}
        >
          {children}
        </div>
      </div>
    );
  }
  return (
    <Stack gap="md">
      {element.label && typeof element.label !== "boolean" && (
        <Title order={2}>{labelText(element.label, "")}</Title>
      )}
      {children}
    </Stack>
  );
}
