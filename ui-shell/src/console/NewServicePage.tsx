import { Alert, Button, Group, SegmentedControl, Stack, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { post } from "../api/client";
import { useText } from "../i18n";
import { DefinitionEditor } from "./DefinitionEditor";
import { newService, withMenu } from "./definition";
import { isExternal, newExternal } from "./external";
import { detailsOf } from "./failure";

const ImportOpenapi = lazy(() =>
  import("./ImportOpenapi").then((module) => ({ default: module.ImportOpenapi })),
);

const KINDS = ["internal", "external"] as const;

/** Registers a service with its first draft. */
export function NewServicePage() {
  const t = useText();
  const go = useNavigate();
  const [definition, setDefinition] = useState(newService);
  const [failure, setFailure] = useState("");
  const [importing, setImporting] = useState(false);
  const kind = isExternal(definition) ? "external" : "internal";
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
    <Stack p={{ base: "md", sm: "lg" }}>
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
      <SegmentedControl
        w="fit-content"
        maw="100%"
        aria-label={t("console.type")}
        value={kind}
        data={KINDS.map((value) => ({ value, label: t(`console.kind.${value}`) }))}
        onChange={(value) => {
          const { name, label } = definition;
          const start = value === "external" ? newExternal() : newService();
          setDefinition({ ...start, name, ...(label ? { label } : {}) });
        }}
      />
      <DefinitionEditor
        // Another kind is another form, which nobody has touched yet.
        key={kind}
        isNew
        published={null}
        definition={definition}
        onChange={setDefinition}
      />
    </Stack>
  );
}
