import { Alert, Progress, Stack, Text } from "@mantine/core";
import type { Column, EntityRecord } from "../api/types";
import { type TextKey, useText } from "../i18n";
import { cellText } from "../list/format";
import { Sentence } from "../sentence/Sentence";

const WHEN: Column = { field: "run_at", type: "datetime" };

/** How a job goes, or why it failed and what helps: docs/jobs.md. */
export function JobSummary({ record }: { record: EntityRecord }) {
  const t = useText();
  const { state, error } = record;
  const attempts = { attempt: Number(record.attempts), most: Number(record.max_attempts) };
  if (state === "running") {
    const done = typeof record.progress === "number" ? record.progress : null;
    return (
      <Stack gap={4} maw={760} role="status">
        <Text size="sm">
          {t("job.running", attempts)}
          {record.progress_text ? " · " : ""}
          <Sentence text={String(record.progress_text ?? "")} />
          {done === null ? "" : ` · ${done} %`}
        </Text>
        <Progress
          value={done ?? 100}
          animated={done === null}
          aria-label={t("job.progress")}
        />
      </Stack>
    );
  }
  if (!error || (state !== "failed" && state !== "waiting")) return null;
  const isOver = state === "failed";
  const title = isOver
    ? t("job.failed", attempts)
    : t("job.again", { ...attempts, time: cellText(WHEN, record.run_at ?? null) });
  return (
    <Alert color={isOver ? "red" : "yellow"} maw={760} title={title}>
      <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {String(error)}
      </Text>
      {isOver && (
        <Text size="sm" mt="xs" fw={500}>
          {adviceOf(String(record.error_code ?? ""), attempts.attempt < attempts.most)}
        </Text>
      )}
    </Alert>
  );

  function adviceOf(code: string, isForGood: boolean): string {
    const key = `job.${code}` as TextKey;
    const text = t(key);
    if (text !== key) return text;
    return t(isForGood ? "job.for_good" : "job.mend");
  }
}
