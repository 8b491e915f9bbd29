import { Alert, Anchor, Button, Card, Group, List, Stack, Text } from "@mantine/core";
import { type FormEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/errors";
import type { EntityForm, EntityRecord, JsonObject } from "../api/types";
import { useText } from "../i18n";
import styles from "./Field.module.css";
import { labelOf } from "./findings";
import { FormLayout } from "./FormLayout";
import { fixedBecause } from "./offers";
import { UnsavedGuard } from "./UnsavedGuard";
import { bodyOf, changesOf, initialValues, isServed, withoutReadOnly } from "./values";

const Conflict = lazy(() =>
  import("./Conflict").then((module) => ({ default: module.Conflict })),
);

/** Loads what a form is checked with: while it is filled in, nobody waits for it. */
const loadChecks = () => import("./validate");

type Props = {
  form: EntityForm;
  record: EntityRecord | null;
  readOnly: boolean;
  /** What a new record begins with. */
  given?: JsonObject | undefined;
  /** Resolves to where to go; `fresh` is the record that a conflict was solved against. */
  onSave: (body: JsonObject, fresh?: EntityRecord) => Promise<() => void>;
  /** Loads the record as it is now, for the view of a conflict. */
  onConflict?: () => Promise<EntityRecord>;
  /** Told whether something was changed that is not saved. */
  onDirty?: (dirty: boolean) => void;
  /** What the button says that sends it, where that is not "Save". */
  submitLabel?: string | undefined;
};

/** The generated form of a record. `onSave` resolves to where to go once it is saved. */
export function RecordForm(props: Props) {
  const { form, record, onSave, onConflict, onDirty } = props;
  const t = useText();
  // Where there is nothing to fill in there is nothing to save.
  const readOnly = props.readOnly || (record !== null && isServed(form.ui, form.schema, record));
  const start = useRef(initialValues(form.schema, record, props.given)).current;
  const [values, setValues] = useState<JsonObject>(start);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [theirs, setTheirs] = useState<EntityRecord | null>(null);
  const [busy, setBusy] = useState(false);
  const summary = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLFormElement>(null);
  const saved = useRef(false);
  const changes = changesOf(form.schema, start, values);
  const dirty = Object.keys(changes).length > 0;

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const findings = await loadChecks().then(
      ({ findingsOf }) => findingsOf(form, values, record ? start : null),
      // What cannot be loaded is left to the server, which checks everything again.
      () => [],
    );
    if (findings.length) {
      setBusy(false);
      setFailure(new ApiError(422, "VALIDATION_FAILED", "", findings));
      return;
    }
    await send(record ? changes : bodyOf(form.schema, values));
  }

  async function send(body: JsonObject, ...fresh: EntityRecord[]) {
    setBusy(true);
    setFailure(null);
    setTheirs(null);
    try {
      const leave = await onSave(body, ...fresh);
      saved.current = true;
      onDirty?.(false);
      leave();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412 && onConflict) setTheirs(await onConflict());
      setFailure(error);
    } finally {
      setBusy(false);
    }
  }

  useEffect(() => {
    if (!readOnly) loadChecks().catch(() => undefined);
  }, [readOnly]);
  useEffect(() => onDirty?.(dirty && !saved.current), [dirty, onDirty]);
  useEffect(() => {
    if (failure) summary.current?.focus();
  }, [failure]);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "s" || readOnly) return;
      event.preventDefault();
      frame.current?.requestSubmit();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [readOnly]);

  const errors: { [field: string]: string } = {};
  for (const { field, message } of failure?.details ?? []) {
    errors[field.split(".")[0] ?? field] ??= message;
  }
  return (
    <form ref={frame} onSubmit={(event) => void submit(event)} noValidate>
      <UnsavedGuard when={() => dirty && !saved.current} text={t("form.unsaved")} />
      <Stack gap="md">
        {failure && (
          <Alert
            ref={summary}
            tabIndex={-1}
            color="red"
            role="alert"
            title={failure.details.length ? t("form.summary") : undefined}
          >
            {failure.status === 412 ? t("form.conflict") : failure.message}
            {failure.details.length > 0 && (
              <List size="sm" mt="xs">
                {failure.details.map((detail) => (
                  <List.Item key={`${detail.field} ${detail.code}`}>
                    {detail.field !== "" && (
                      <>
                        <Anchor
                          component="button"
                          type="button"
                          size="sm"
                          onClick={() => focusField(detail.field)}
                        >
                          {labelOf(form, detail.field)}
                        </Anchor>
                        {": "}
                      </>
                    )}
                    {detail.message}
                  </List.Item>
                ))}
              </List>
            )}
          </Alert>
        )}
        <Card withBorder={!props.submitLabel} p={props.submitLabel ? 0 : "lg"}>
          <FormLayout
            element={record ? form.ui : withoutReadOnly(form.ui, form.schema)}
            schema={form.schema}
            values={values}
            errors={errors}
            locked={readOnly}
            stored={record}
            onChange={(name, value) => setValues((old) => ({ ...old, [name]: value }))}
          />
        </Card>
        {theirs && (
          <Suspense>
          <Conflict
            form={form}
            mine={changes}
            theirs={theirs}
            onChoose={(choice) => void send(choice, theirs)}
            onClose={() => setTheirs(null)}
          />
          </Suspense>
        )}
        {/* Of a deleted record the page says more. */}
        {readOnly && !record?.deleted_at && (
          <Text size="sm" c="dimmed">
            {(record && fixedBecause(form, record)) ?? t("form.fixed")}
          </Text>
        )}
        {!readOnly && (
          <Group className={styles.save} justify="flex-end">
            {record && dirty && (
              <Text size="sm" c="dimmed">
                {t("form.changes", { count: Object.keys(changes).length })}
              </Text>
            )}
            <Button type="submit" loading={busy}>
              {props.submitLabel ?? t("common.save")}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function focusField(field: string): void {
  const name = CSS.escape(field.split(".")[0] ?? field);
  const input = `[name="${name}"]:not([type="hidden"]), [data-field="${name}"]`;
  document.querySelector<HTMLElement>(input)?.focus();
}
