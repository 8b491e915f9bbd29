import { Alert, Anchor, Button, Card, Group, List, Stack } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { ApiError } from "../api/errors";
import type { EntityForm, EntityRecord, JsonObject } from "../api/types";
import { labelText, t as text, useText, wordsOf } from "../i18n";
import { FormLayout } from "./FormLayout";
import { bodyOf, changesOf, initialValues } from "./values";

type Props = {
  form: EntityForm;
  record: EntityRecord | null;
  readOnly: boolean;
  onSave: (body: JsonObject) => Promise<() => void>;
};

/** The generated form of a record. `onSave` resolves to where to go once it is saved. */
export function RecordForm({ form, record, readOnly, onSave }: Props) {
  const t = useText();
  const start = useRef(initialValues(form.schema, record)).current;
  const [values, setValues] = useState<JsonObject>(start);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const saved = useRef(false);
  const changes = changesOf(form.schema, start, values);
  const dirty = Object.keys(changes).length > 0;

  useBlocker({
    shouldBlockFn: () => dirty && !saved.current && !window.confirm(text("form.unsaved")),
    enableBeforeUnload: () => dirty && !saved.current,
  });

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const leave = await onSave(record ? changes : bodyOf(form.schema, values));
      saved.current = true;
      leave();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error);
    } finally {
      setBusy(false);
    }
  }

  const errors: { [field: string]: string } = {};
  for (const { field, message } of failure?.details ?? []) {
    errors[field.split(".")[0] ?? field] ??= message;
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack gap="md">
        {failure && (
          <Alert
            color="red"
            role="alert"
            title={failure.details.length ? t("form.summary") : undefined}
          >
            {failure.status === 412 ? t("form.conflict") : failure.message}
            {failure.details.length > 0 && (
              <List size="sm" mt="xs">
                {failure.details.map((detail) => (
                  <List.Item key={`${detail.field} ${detail.code}`}>
                    <Anchor
                      component="button"
                      type="button"
                      size="sm"
                      onClick={() => focusField(detail.field)}
                    >
                      {labelOf(form, detail.field)}
                    </Anchor>
                    {`: ${detail.message}`}
                  </List.Item>
                ))}
              </List>
            )}
          </Alert>
        )}
        <Card withBorder p="lg">
          <FormLayout
            element={form.ui}
            schema={form.schema}
            values={values}
            errors={errors}
            locked={readOnly}
            onChange={(name, value) => setValues((old) => ({ ...old, [name]: value }))}
          />
        </Card>
        {!readOnly && (
          <Group justify="flex-end">
            <Button type="submit" loading={busy} disabled={record !== null && !dirty}>
              {t("common.save")}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

const labelOf = (form: EntityForm, field: string): string =>
  labelText(form.list.available?.find((column) => column.field === field)?.label, wordsOf(field));

const focusField = (field: string): void =>
  document
    .querySelector<HTMLElement>(`[name="${CSS.escape(field.split(".")[0] ?? field)}"]`)
    ?.focus();
