import { Alert, Button, Card, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Plug } from "lucide-react";
import { type FormEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { get } from "../api/client";
import { ApiError } from "../api/errors";
import type { Detail, JsonObject } from "../api/types";
import { useSession } from "../api/useSession";
import { Ask } from "../form/Ask";
import { FormLayout } from "../form/FormLayout";
import { bodyOf, initialValues } from "../form/values";
import { labelText, loadConsoleTexts, useText, wordsOf } from "../i18n";
import { Failed } from "../pages/Failed";
import { AnswerCard } from "./Answer";
import { type Reply, send } from "./answer";
import { type EndpointForm, isAskedAtOnce } from "./call";
import styles from "./Endpoint.module.css";
import { Refused } from "./Refused";
import { ServiceHealth } from "./ServiceHealth";

const ConnectionDialog = lazy(async () => {
  const [module] = await Promise.all([
    import("../connection/ConnectionDialog"),
    loadConsoleTexts(),
  ]);
  return { default: module.ConnectionDialog };
});

/** The page of an endpoint of an external service: its form, and what it answers. */
export function EndpointPage() {
  const { service = "", endpoint = "" } = useParams({ strict: false });
  const form = useQuery({
    queryKey: ["endpoint", service, endpoint],
    queryFn: async ({ signal }) =>
      (await get<EndpointForm>(`/forms/${service}/endpoints/${endpoint}`, {}, signal)).data,
  });
  if (form.isPending) return <Loader m="xl" />;
  if (form.isError) return <Failed error={form.error} onAgain={() => void form.refetch()} />;
  return <Endpoint key={`${service} ${endpoint}`} form={form.data} />;
}

type Errors = { [field: string]: string };

/** The first thing said of each input; of a list, with the item that it is said of. */
function errorsOf(details: readonly Detail[], entered: JsonObject): Errors {
  const told: Errors = {};
  for (const { field, message } of details) {
    const [name = field, index] = field.split(".");
    const list = entered[name];
    const item = Array.isArray(list) && index !== undefined ? list[Number(index)] : undefined;
    told[name] ??= typeof item === "string" ? `“${item}”: ${message}` : message;
  }
  return told;
}

function Endpoint({ form }: { form: EndpointForm }) {
  const t = useText();
  const { user } = useSession();
  const [values, setValues] = useState(() => initialValues(form.schema, null));
  const [errors, setErrors] = useState<Errors>({});
  const [failure, setFailure] = useState("");
  const [reply, setReply] = useState<Reply | null>(null);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [connecting, setConnecting] = useState(false);
  const tenant = user?.current_tenant_id ?? "";
  const mayConnect = ["*", "tenant:*", "tenant:update"].some((word) =>
    user?.permissions.includes(word),
  );

  async function call() {
    setBusy(true);
    setFailure("");
    setErrors({});
    const entered = bodyOf(form.schema, values);
    const { findingsOf } = await import("../form/validate");
    const found = findingsOf({ schema: form.schema }, entered);
    setErrors(errorsOf(found, entered));
    if (found.length > 0) {
      setReply(null);
      setFailure(t("form.summary"));
    } else {
      try {
        const next = await send(form, entered);
        setReply(next);
        if ("refusal" in next) setErrors(errorsOf(next.refusal.details, entered));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setFailure(error.message);
      }
    }
    setBusy(false);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (form.method === "DELETE") setAsking(true);
    else void call();
  }

  const wasAsked = useRef(false);
  useEffect(() => {
    if (wasAsked.current || !isAskedAtOnce(form)) return;
    wasAsked.current = true;
    void call();
  });

  const label = labelText(form.label, wordsOf(form.endpoint));
  const button = t(form.method === "GET" ? "endpoint.show" : "endpoint.send");
  return (
    <Stack p={{ base: "md", sm: "lg" }} gap="md">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text c="dimmed" size="sm">
            {labelText(form.service_label, wordsOf(form.service))}
          </Text>
          <Title order={1} size="h2">
            {label}
          </Title>
          {form.description && <Text>{labelText(form.description, "")}</Text>}
        </div>
        {mayConnect && (
          <Button
            variant="default"
            leftSection={<Plug size={16} />}
            onClick={() => setConnecting(true)}
          >
            {t("endpoint.connection")}
          </Button>
        )}
      </Group>
      <ServiceHealth service={form.service} />
      <form onSubmit={submit} noValidate className={styles.form}>
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
          <Group justify="space-between" wrap="nowrap">
            <span className={styles.path}>{`${form.method} ${form.path}`}</span>
            <Button
              type="submit"
              loading={busy}
              {...(form.method === "DELETE" ? { color: "red" } : {})}
              style={{ flex: "none" }}
            >
              {button}
            </Button>
          </Group>
        </Stack>
      </form>
      {reply && "refusal" in reply && (
        <Refused
          form={form}
          refusal={reply.refusal}
          onAgain={() => void call()}
          onConnect={mayConnect ? () => setConnecting(true) : null}
        />
      )}
      {reply && "answer" in reply && <AnswerCard answer={reply.answer} name={form.endpoint} />}
      {asking && (
        <Ask
          title={button}
          text={t("endpoint.ask", { name: label })}
          destructive
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            void call();
          }}
        />
      )}
      <Suspense>
        {connecting && (
          <ConnectionDialog
            tenant={tenant}
            service={form.service}
            title={labelText(form.service_label, wordsOf(form.service))}
            onClose={() => setConnecting(false)}
          />
        )}
      </Suspense>
    </Stack>
  );
}
