import { Alert, Button, Group, Stack, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { post } from "../api/client";
import { useText } from "../i18n";
import { DefinitionEditor } from "./DefinitionEditor";
import { newService, withMenu } from "./definition";
import { detailsOf } from "./failure";

const ImportOpenapi = lazy(() =>
  import("./ImportOpenapi").then((module) => ({ default: module.ImportOpenapi })),
);

/** Registers a service with its first draft. */
export function NewServicePage() {
  const t = useText();
  const go = useNavigate();
  const [definition, setDefinition] = useState(newService);
  const [failure, setFailure] = useState("");
  const [importing, setImporting] = useState(false);
  async function register() {
    setFailure("");
    try {
      await post("/core/services/register", { definition: withMenu(definition) });
      await go({ to: "/console/services/$name", params: { name: definition.name } });
    } catch (error) {
      setFailure(detailsOf(error));
    }
  }
  return (
    <Stack p="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          {t("console.register")}
        </Title>
        <Group>
          <Button variant="default" onClick={() => setImporting(true)}>
            {t("console.import")}
          </Button>
          <Button onClick={() => void register()}>{t("console.register")}</Button>
        </Group>
      </Group>
      {importing && (
        <Suspense>
          <ImportOpenapi onClose={() => setImporting(false)} />
        </Suspense>
      )}
      {failure && (
        <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
          {failure}
        </Alert>
      )}
      <DefinitionEditor isNew published={null} definition={definition} onChange={setDefinition} />
    </Stack>
  );
}
