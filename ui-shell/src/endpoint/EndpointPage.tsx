import { Alert, Badge, Button, Card, Code, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { exchange, get } from "../api/client";
import { ApiError } from "../api/errors";
import type { JsonObject } from "../api/types";
import { FormLayout } from "../form/FormLayout";
import { bodyOf, initialValues } from "../form/values";
import { labelText, useText, wordsOf } from "../i18n";
import { type Answer, callOf, type EndpointForm, readable } from "./call";

/** The page of an endpoint of an external service: its form, and what it answers. */
export function EndpointPage() {
  const { service = "", endpoint = "" } = useParams({ strict: false });
  const form = useQuery({
    queryKey: ["endpoint", service, endpoint],
    queryFn: async ({ signal }) =>
      (await get<EndpointForm>(`/forms/${service}/endpoints/${endpoint}`, {}, signal)).data,
  });
  if (form.isPending) return <Loader m="xl" />;
  if (form.isError)
    return (
      <Alert m="lg" color="red">
        {form.error.message}
      </Alert>
    );
  return <Endpoint key={`${service} ${endpoint}`} form={form.data} />;
}

function Endpoint({ form }: { form: EndpointForm }) {
  const t = useText();
  const [values, setValues] = useState(() => initialValues(form.schema, null));
  const [errors, setErrors] = useState<{ [field: string]: string }>({});
  const [failure, setFailure] = useState("");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    const entered = bodyOf(form.schema, values);
    const { findingsOf } = await import("../form/validate");
    const found = findingsOf({ schema: form.schema }, entered);
    const told: { [field: string]: string } = {};
    for (const { field, message } of found) told[field.split(".")[0] ?? field] ??= message;
    setErrors(told);
    if (found.length > 0) setFailure(t("form.summary"));
    else {
      try {
        setAnswer(await send(form, entered));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setFailure(error.message);
      }
    }
    setBusy(false);
  }

  return (
    <Stack p="lg" gap="md" maw={800}>
      <div>
        <Text c="dimmed" size="sm">
          {labelText(form.service_label, form.service)}
        </Text>
        <Title order={1} size="h2">
          {labelText(form.label, wordsOf(form.endpoint))}
        </Title>
        {form.description && <Text>{labelText(form.description, "")}</Text>}
      </div>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack gap="md">
          {failure && (
            <Alert color="red" role="alert">
              {failure}
            </Alert>
          )}
          {Object.keys(form.schema.properties ?? {}).length > 0 && (
            <Card withBorder p="lg">
              <FormLayout
                element={form.ui}
                schema={form.schema}
                values={values}
                errors={errors}
                locked={false}
                stored={null}
                onChange={(name, value) => setValues((old) => ({ ...old, [name]: value }))}
              />
            </Card>
          )}
          <Group justify="space-between">
            <Code>{`${form.method} ${form.path}`}</Code>
            <Button type="submit" loading={busy}>
              {t("endpoint.send")}
            </Button>
          </Group>
        </Stack>
      </form>
      {answer && (
        <Card withBorder p="lg" component="section" aria-label={t("endpoint.answer")}>
          <Group mb="sm">
            <Title order={2} size="h4">
              {t("endpoint.answer")}
            </Title>
            <Badge color={answer.ok ? "green" : "red"}>{answer.status}</Badge>
            <Text size="sm" c="dimmed">
              {t("endpoint.took", { time: answer.milliseconds })}
            </Text>
          </Group>
          {answer.text === "" ? (
            <Text c="dimmed">{t("endpoint.empty")}</Text>
          ) : (
            <Code block mah={480} style={{ overflow: "auto" }}>
              {answer.text}
            </Code>
          )}
        </Card>
      )}
    </Stack>
  );
}

/** Sends what was entered through the gateway; a refusal of the service is an answer too. */
async function send(form: EndpointForm, entered: JsonObject): Promise<Answer> {
  const { path, headers, body } = callOf(form, entered);
  const started = performance.now();
  const response = await exchange(form.method, path, { headers, body });
  const text = await response.text();
  return {
    status: response.status,
    ok: response.ok,
    text: readable(text, response.headers.get("content-type")),
    milliseconds: Math.round(performance.now() - started),
  };
}
