import {
  Alert,
  Button,
  Center,
  Paper,
  PasswordInput,
  Stack,
  TextInput,
  Title,
} from "@mantine/core";
import { useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { login } from "../api/session";
import { useText } from "../i18n";

/** Log-in with e-mail, password and, where wanted, a tenant. */
export function LoginPage() {
  const t = useText();
  const router = useRouter();
  const { to } = useSearch({ strict: false }) as { to?: string };
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const tenant = String(values.get("tenant") ?? "").trim();
    setBusy(true);
    setFailure(null);
    try {
      await login({
        email: String(values.get("email") ?? ""),
        password: String(values.get("password") ?? ""),
        ...(tenant ? { tenant } : {}),
      });
      router.history.push(to ?? "/");
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }

  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder p="xl" w={380}>
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <Title order={1} size="h2">
              Rangka
            </Title>
            {failure && (
              <Alert color="red" role="alert">
                {failure}
              </Alert>
            )}
            <TextInput
              name="email"
              type="email"
              label={t("login.email")}
              autoComplete="username"
              required
            />
            <PasswordInput
              name="password"
              label={t("login.password")}
              autoComplete="current-password"
              required
            />
            <TextInput name="tenant" label={t("login.tenant")} autoComplete="organization" />
            <Button type="submit" loading={busy}>
              {t("login.submit")}
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
