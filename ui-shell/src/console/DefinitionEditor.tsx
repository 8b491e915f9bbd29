import { Alert, Group, Loader, SegmentedControl, Stack } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useState } from "react";
import { useText } from "../i18n";
import styles from "./Definition.module.css";
import { DefinitionForm } from "./DefinitionForm";
import type { ServiceDefinition } from "./definition";
import { Findings } from "./Findings";
import { withRequires } from "./requires";
import { useFindings } from "./useFindings";
import { usable } from "./usable";

const CodeEditor = lazy(() => import("./CodeEditor"));
const MODES = ["form", "both", "json"] as const;
type Mode = (typeof MODES)[number];

type Props = {
  definition: ServiceDefinition;
  published: ServiceDefinition | null;
  isNew: boolean;
  onChange: (definition: ServiceDefinition) => void;
};

/** A service's definition as a form and as JSON beside it; both edit the same value. */
export function DefinitionEditor({ definition, published, isNew, onChange }: Props) {
  const t = useText();
  const isWide = useMediaQuery("(min-width: 80em)", window.innerWidth >= 1280);
  const [chosen, setChosen] = useState<Mode | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [start] = useState(definition);
  const [added, setAdded] = useState<ReadonlySet<string>>(new Set());
  const all = useFindings(definition);
  // An empty form is not scolded before anything was typed.
  const findings = isNew && definition === start ? null : all;
  const mode = chosen ?? (isWide ? "both" : "form");
  const edit = (next: ServiceDefinition) => {
    const ruled = withRequires(next, added);
    setAdded(ruled.added);
    onChange(ruled.definition);
  };
  const take = (parsed: unknown, syntax: string | null) => {
    const next = syntax === null ? usable(parsed) : null;
    setWrong(syntax ?? (next ? null : t("console.unusable")));
    if (next) onChange(next);
  };
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label={t("console.show")}
          value={mode}
          data={MODES.map((value) => ({ value, label: t(`console.show.${value}`) }))}
          onChange={(value) => {
            setChosen(value as Mode);
            setWrong(null);
          }}
        />
      </Group>
      <div className={styles.panes} data-mode={mode}>
        {mode !== "json" && (
          <Stack gap="md">
            {wrong !== null && <Alert color="yellow">{t("console.jsonFirst")}</Alert>}
            <fieldset className={styles.form} disabled={wrong !== null}>
              <DefinitionForm
                definition={definition}
                published={published}
                isNew={isNew}
                onChange={edit}
              />
            </fieldset>
            {findings && <Findings findings={findings} definition={definition} />}
          </Stack>
        )}
        {mode !== "form" && (
          <div className={styles.json}>
            {wrong !== null && (
              <Alert color="red" role="status">
                {wrong}
              </Alert>
            )}
            <div className={styles.code}>
              <Suspense fallback={<Loader m="lg" />}>
                <CodeEditor
                  label={t("console.json")}
                  value={definition}
                  findings={findings ?? []}
                  onChange={take}
                />
              </Suspense>
            </div>
            {mode === "json" && findings && (
              <Findings findings={findings} definition={definition} />
            )}
          </div>
        )}
      </div>
    </Stack>
  );
}
