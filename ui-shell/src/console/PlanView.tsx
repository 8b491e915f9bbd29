import { Alert, Badge, Card, Checkbox, Code, Group, List, Stack, Text } from "@mantine/core";
import { useText } from "../i18n";
import type { Finding, Plan, Step } from "./api";

/** What is wrong with a definition, and what to do about it. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  const t = useText();
  if (findings.length === 0) return <Alert color="green">{t("console.noFindings")}</Alert>;
  return (
    <Alert color={findings.some((item) => item.severity === "error") ? "red" : "yellow"}>
      <List size="sm">
        {findings.map((finding) => (
          <List.Item key={`${finding.path} ${finding.message}`}>
            <Code>{finding.path}</Code> {finding.message} {finding.remedy ?? ""}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

type Props = {
  plan: Plan;
  accepted: readonly string[];
  onAccept: (names: string[]) => void;
};

/** What publishing will do, step by step; every loss wants a consent. */
export function PlanView({ plan, accepted, onAccept }: Props) {
  const t = useText();
  return (
    <Stack>
      {plan.findings.length > 0 && <Findings findings={plan.findings} />}
      {plan.steps.length === 0 && plan.summary.length === 0 && <Text>{t("console.noChange")}</Text>}
      {plan.steps.length === 0 && (
        <List>
          {plan.summary.map((sentence) => (
            <List.Item key={sentence}>{sentence}</List.Item>
          ))}
        </List>
      )}
      {plan.steps.map((step, index) => (
        <StepCard
          key={index}
          step={step}
          accepted={accepted}
          onAccept={onAccept}
        />
      ))}
    </Stack>
  );
}

type StepProps = Omit<Props, "plan"> & { step: Step };

function StepCard({ step, accepted, onAccept }: StepProps) {
  const t = useText();
  const { loses, failing } = step;
  const sql = Array.isArray(step.sql) ? step.sql.join(";\n") : step.sql;
  return (
    <Card withBorder>
      <Group justify="space-between">
        <Text fw={600}>{step.summary}</Text>
        <Group gap="xs">
          {step.lock && <Badge variant="light">{step.lock}</Badge>}
          {step.rewrites && (
            <Badge variant="light" color="yellow">
              {t("console.rewrites")}
            </Badge>
          )}
          {step.rows !== null && (
            <Badge variant="light">{t("console.rows", { rows: step.rows })}</Badge>
          )}
          {loses && <Badge color="red">{t("console.loss")}</Badge>}
        </Group>
      </Group>
      {sql && (
        <Code block mt="xs">
          {sql}
        </Code>
      )}
      {failing && failing.count > 0 && (
        <Alert color="red" mt="xs">
          {t("console.failing", { count: failing.count })} {JSON.stringify(failing.sample)}
        </Alert>
      )}
      {loses && (
        <Checkbox
          mt="xs"
          color="red"
          label={t("console.loses", {
            what: loses.what,
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
    </Card>
  );
}
