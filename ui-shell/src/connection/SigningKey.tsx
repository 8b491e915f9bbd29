import { Button, Code, CopyButton, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { get } from "../api/client";
import { useText } from "../i18n";

type Key = { key_id: string; secret: string };

/** The key by which the service tells that a call is this tenant's; read when it is wanted. */
export function SigningKey({ tenant, service }: { tenant: string; service: string }) {
  const t = useText();
  const [key, setKey] = useState<Key | null>(null);
  const [failure, setFailure] = useState("");
  const show = async () => {
    try {
      setKey((await get<Key>(`/core/tenants/${tenant}/services/${service}/signing-key`)).data);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  if (!key) {
    return (
      <Group gap="xs">
        <Button variant="subtle" size="xs" onClick={() => void show()}>
          {t("console.conn.showKey")}
        </Button>
        <Text size="xs" c="var(--danger-text)" role="alert">
          {failure}
        </Text>
      </Group>
    );
  }
  return (
    <Stack gap={4}>
      <Text size="sm">{t("console.conn.keyHelp")}</Text>
      <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
        {`${key.key_id}\n${key.secret}`}
      </Code>
      <CopyButton value={key.secret}>
        {({ copied, copy }) => (
          <Button size="xs" variant="default" w="fit-content" onClick={copy}>
            {t(copied ? "console.conn.copied" : "console.conn.copy")}
          </Button>
        )}
      </CopyButton>
    </Stack>
  );
}
