import type { Column, EntityForm } from "../api/types";

/** A field as a column, with its schema, which alone says what is in JSON and how values are meant. */
export function columnOf(form: EntityForm, field: string): Column | undefined {
  const known = [...(form.list.available ?? []), ...form.list.columns].find(
    (column) => column.field === field,
  );
  return known && withSchema(form, known);
}

export const withSchema = (form: EntityForm, column: Column): Column => ({
  ...column,
  schema: form.schema.properties?.[column.field],
});
