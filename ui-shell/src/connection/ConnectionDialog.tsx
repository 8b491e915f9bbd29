import {
  Alert,
  Button,
  Group,
  Loader,
  Modal,
  NativeSelect,
  PasswordInput,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { post, request } from "../api/client";
import { ApiError } from "../api/errors";
import { queryClient } from "../api/queries";
import { Ask } from "../form/Ask";
import { useText } from "../i18n";
import {
  bodyOf,
  type Connection,
  connectionQuery,
  KINDS,
  type Kind,
  kindFor,
  pathOf,
  SECRETS,
  SETTINGS,
} from "./connection";
import { SigningKey } from "./SigningKey";

type Props = {
  tenant: string;
  service: string;
  title: string;
  /** What the service's definition says it wants. */
  authType?: unknown;
  /** Whether the key that the service checks signatures with is offered. */
  hasKey?: boolean;
  onClose: () => void;
};

/** A tenant's credentials at an external service: entered, tested, removed; never shown. */
export function ConnectionDialog(props: Props) {
  const { tenant, service, title, onClose } = props;
  const t = useText();
  const found = useQuery(connectionQuery(tenant, service));
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("console.conn.title", { name: title })}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      {found.isPending && <Loader />}
      {found.isError && <Alert color="red">{found.error.message}</Alert>}
      {found.data !== undefined && (
        <ConnectionForm {...props} stored={found.data} />
      )}
    </Modal>
  );
}

type Tested = { ok: boolean; status: number | null; message: string };

function ConnectionForm(props: Props & { stored: Connection | null }) {
  const { tenant, service, stored, authType, hasKey, onClose } = props;
  const t = useText();
  const [kind, setKind] = useState<Kind>(stored?.kind ?? kindFor(authType));
  const [settings, setSettings] = useState(stored?.settings ?? {});
  const [secret, setSecret] = useState("");
  const [errors, setErrors] = useState<{ [field: string]: string }>({});
  const [failure, setFailure] = useState("");
  const [tested, setTested] = useState<Tested | null>(null);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const path = pathOf(tenant, service);

  async function attempt(work: () => Promise<void>) {
    setBusy(true);
    setFailure("");
    setErrors({});
    setTested(null);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const told = error.details.map(({ field, message }) => [field.split(/[./]/).at(-1), message]);
      setErrors(Object.fromEntries(told));
      if (told.length === 0) setFailure(error.message);
    } finally {
      setBusy(false);
    }
  }
  const again = () =>
    queryClient.invalidateQueries({ queryKey: ["connection", tenant, service] });
  const check = async () => setTested((await post<Tested>(`${path}/test`, {})).data);
  async function save() {
    await request("PUT", path, { body: bodyOf(kind, settings, secret) });
    setSecret("");
    await again();
    await check();
    void queryClient.invalidateQueries({ queryKey: ["connections"] });
  }
  async function remove() {
    await request("DELETE", path);
    await again();
    void queryClient.invalidateQueries({ queryKey: ["connections"] });
    onClose();
  }

  const isKept = stored !== null && stored.kind === kind;
  return (
    <form
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void attempt(save);
      }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t(stored ? "console.conn.isSet" : "console.conn.isMissing")}
        </Text>
        <NativeSelect
          label={t("console.conn.kind")}
          value={kind}
          data={KINDS.map((value) => ({ value, label: t(`console.conn.kind.${value}`) }))}
          onChange={(event) => setKind(event.currentTarget.value as Kind)}
        />
        {SETTINGS[kind].map(({ name, label, isRequired, placeholder }) => (
          <TextInput
            key={name}
            label={t(label)}
            required={isRequired}
            placeholder={placeholder ?? ""}
            error={errors[name]}
            value={settings[name] ?? ""}
            onChange={(event) => {
              const { value } = event.currentTarget;
              setSettings((old) => ({ ...old, [name]: value }));
            }}
          />
        ))}
        <PasswordInput
          label={t(SECRETS[kind])}
          required={!isKept}
          autoComplete="new-password"
          placeholder={isKept ? t("form.secret") : ""}
          error={errors.secret}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
        />
        {failure && (
          <Alert color="red" role="alert">
            {failure}
          </Alert>
        )}
        {tested && (
          <Alert color={tested.ok ? "green" : "red"} role="status">
            {tested.ok ? t("console.conn.works") : t("console.conn.fails", { why: tested.message })}
          </Alert>
        )}
        <Group justify="space-between">
          {stored ? (
            <Button
              variant="subtle"
              c="var(--danger-text)"
              disabled={busy}
              onClick={() => setAsking(true)}
            >
              {t("console.remove")}
            </Button>
          ) : (
            <span />
          )}
          <Group gap="xs">
            {stored && (
              <Button variant="default" disabled={busy} onClick={() => void attempt(check)}>
                {t("console.conn.test")}
              </Button>
            )}
            <Button type="submit" loading={busy}>
              {t("console.conn.save")}
            </Button>
          </Group>
        </Group>
        {hasKey && <SigningKey tenant={tenant} service={service} />}
      </Stack>
      {asking && (
        <Ask
          title={t("console.conn.remove")}
          text={t("console.conn.removeAsk")}
          destructive
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            void attempt(remove);
          }}
        />
      )}
    </form>
  );
}
