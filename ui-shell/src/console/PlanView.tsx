import {
  Alert,
  Badge,
  Card,
  Checkbox,
  Code,
  Group,
  List,
  Stack,
  Switch,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { useState } from "react";
import { useText } from "../i18n";
import type { Plan, Step } from "./api";
import styles from "./Definition.module.css";
import type { ServiceDefinition } from "./definition";
import { Findings } from "./Findings";
import { lossText, stepText } from "./steps";

type Props = {
  plan: Plan;
  /** What the plan would publish, while it is known. */
  definition: ServiceDefinition | undefined;
  accepted: readonly string[];
  onAccept: (names: string[]) => void;
};

/** What publishing will do in plain words, step by step; every loss wants a consent. */
export default function PlanView({ plan, definition, accepted, onAccept }: Props) {
  const t = useText();
  const [sql, setSql] = useState(false);
  const isEmpty = plan.steps.length === 0 && plan.summary.length === 0;
  const said = new Set(plan.steps.map((step) => step.summary));
  const notes = plan.summary.filter((sentence) => !said.has(sentence));
  return (
    <Card withBorder component="section" aria-label={t("console.planTitle")}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h3">
            {t("console.planTitle")}
          </Title>
          {plan.steps.length > 0 && (
            <Switch
              size="xs"
              label={t("console.sql")}
              checked={sql}
              onChange={(event) => setSql(event.currentTarget.checked)}
            />
          )}
        </Group>
        {plan.findings.length > 0 && (
          <Findings findings={plan.findings} definition={definition} />
        )}
        {isEmpty && <Text>{t("console.noChange")}</Text>}
        {plan.losses.length > 0 && (
          <Alert color="red" title={t("console.lossTitle", { count: plan.losses.length })}>
            {t("console.lossHelp")}
          </Alert>
        )}
        {notes.length > 0 && (
          <List>
            {notes.map((sentence) => (
              <List.Item key={sentence}>{stepText(sentence, definition)}</List.Item>
            ))}
          </List>
        )}
        <ol className={styles.fields}>
          {plan.steps.map((step, index) => (
            <StepRow
              // Two steps may read the same; their order is what tells them apart.
              key={index}
              step={step}
              definition={definition}
              sql={sql}
              accepted={accepted}
              onAccept={onAccept}
            />
          ))}
        </ol>
      </Stack>
    </Card>
  );
}

type StepProps = Omit<Props, "plan"> & { step: Step; sql: boolean };

const EVERYTHING = /access exclusive/i;

function StepRow({ step, definition, sql, accepted, onAccept }: StepProps) {
  const t = useText();
  const { loses, failing, lock } = step;
  const text = Array.isArray(step.sql) ? step.sql.join(";\n") : step.sql;
  return (
    <li className={styles.field}>
      <Group justify="space-between" gap="xs">
        <Text size="sm">{stepText(step.summary, definition)}</Text>
        <Group gap="xs">
          {step.rewrites && (
            <Badge variant="light" color="yellow">
              {t("console.rewrites")}
            </Badge>
          )}
          {step.rows !== null && (
            <Badge variant="default">{t("console.rows", { rows: step.rows })}</Badge>
          )}
          {loses && <Badge color="red">{t("console.loss")}</Badge>}
        </Group>
      </Group>
      {sql && (
        <>
          {lock && (
            <Text size="xs" c="dimmed">
              {EVERYTHING.test(lock) ? t("console.lockAll") : t("console.lockOther")} ({lock})
            </Text>
          )}
          {text && <Code block>{text}</Code>}
        </>
      )}
      {failing && failing.count > 0 && <Failing failing={failing} />}
      {loses && (
        <Checkbox
          color="red"
          label={t("console.loses", {
            what: lossText(loses, definition),
            rows: loses.rows ?? "?",
            name: loses.name,
          })}
          checked={accepted.includes(loses.name)}
          onChange={(event) =>
            onAccept(
              event.currentTarget.checked
                ? [...accepted, loses.name]
                : accepted.filter((name) => name !== loses.name),
            )
          }
        />
      )}
    </li>
  );
}

function Failing({ failing }: { failing: NonNullable<Step["failing"]> }) {
  const t = useText();
  const { ids, sample } = failing;
  const rows = ids.map((id, index) => ({ value: sample[index] || null, id }));
  const hasEmpty = rows.some(({ value }) => value === null);
  return (
    <Alert color="red" title={t("console.failing", { count: failing.count })}>
      {hasEmpty && <Text size="sm">{t("console.failingEmpty")}</Text>}
      <Table verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("console.value")}</Table.Th>
            <Table.Th>{t("console.record")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ value, id }) => (
            <Table.Tr key={id}>
              <Table.Td>{value ?? t("console.empty")}</Table.Td>
              <Table.Td>
                <Code>{id}</Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Alert>
  );
}
