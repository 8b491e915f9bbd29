import { Badge, Button, Card, Group, Text, Title } from "@mantine/core";
import { useText } from "../i18n";
import { JsonView } from "../json/JsonView";
import { saveAs } from "../list/download";
import type { Answer } from "./answer";
import styles from "./Endpoint.module.css";

/** Signs of a text that are shown; a page of more only makes the browser slow. */
const MOST = 200_000;

/** What the service answered. */
export function AnswerCard({ answer, name }: { answer: Answer; name: string }) {
  const t = useText();
  return (
    <Card withBorder p="lg" component="section" aria-label={t("endpoint.answer")}>
      <Group mb="sm" gap="xs" role="status">
        <Title order={2} size="h3">
          {t("endpoint.answer")}
        </Title>
        <Badge variant="default" className={answer.ok ? styles.good : styles.bad}>
          {`${answer.status} · ${t(answer.ok ? "endpoint.ok" : "endpoint.refused")}`}
        </Badge>
        <Text size="sm" c="dimmed">
          {t("endpoint.took", { time: answer.milliseconds })}
        </Text>
      </Group>
      <Content answer={answer} name={name} />
    </Card>
  );
}

function Content({ answer, name }: { answer: Answer; name: string }) {
  const t = useText();
  if (answer.kind === "empty") return <Text c="dimmed">{t("endpoint.empty")}</Text>;
  if (answer.kind === "json") {
    const { value, text } = answer;
    if (Array.isArray(value) && value.length === 0) {
      return <Text c="dimmed">{t("endpoint.nothing")}</Text>;
    }
    return <JsonView value={value} raw={text.slice(0, MOST)} />;
  }
  if (answer.kind === "text") {
    return (
      <pre className={styles.text} tabIndex={0}>
        {answer.text.slice(0, MOST)}
      </pre>
    );
  }
  const { file } = answer;
  return (
    <Group>
      <Text>{t("endpoint.file", { type: file.type, size: Math.ceil(file.size / 1024) })}</Text>
      <Button variant="default" onClick={() => saveAs(file, name)}>
        {t("endpoint.save")}
      </Button>
    </Group>
  );
}
