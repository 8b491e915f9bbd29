import { Alert, Button, Group, List, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { labelText, type TextKey, useText, wordsOf } from "../i18n";
import type { Refusal } from "./answer";
import type { EndpointForm } from "./call";

type Props = {
  form: EndpointForm;
  refusal: Refusal;
  onAgain: () => void;
  /** Given to those who may set up the connection. */
  onConnect: (() => void) | null;
};

const OF_CONNECTION = new Set(["CONNECTION_MISSING", "CREDENTIALS_REFUSED"]);

/** Why a call did not get to the service or no answer came back, and what helps. */
export function Refused({ form, refusal, onAgain, onConnect }: Props) {
  const t = useText();
  const { status, code, message, details, requestId, wait } = refusal;
  const key = `endpoint.failed.${status}` as TextKey;
  const title = t(key) === key ? t("endpoint.failed") : t(key);
  const isOfConnection = OF_CONNECTION.has(code);
  return (
    <Alert color={status === 429 ? "yellow" : "red"} role="alert" title={title}>
      <Text size="sm">{message}</Text>
      {details.length > 0 && (
        <List size="sm" mt="xs">
          {details.map(({ field, code: why, message: said }) => (
            <List.Item key={`${field} ${why}`}>
              {field ? `${nameOf(form, field)}: ${said}` : said}
            </List.Item>
          ))}
        </List>
      )}
      {isOfConnection && !onConnect && <Text size="sm">{t("endpoint.askAdmin")}</Text>}
      <Group mt="sm" gap="sm">
        {isOfConnection && onConnect && (
          <Button size="xs" onClick={onConnect}>
            {t("endpoint.connection")}
          </Button>
        )}
        {status !== 422 && <Again key={requestId} wait={wait} onAgain={onAgain} />}
        <Text size="xs" c="dimmed" ff="monospace">
          {t("error.request", { id: requestId })}
        </Text>
      </Group>
    </Alert>
  );
}

/** A button to try again that says how long the server asked to wait. */
function Again({ wait, onAgain }: { wait: number | null; onAgain: () => void }) {
  const t = useText();
  const [left, setLeft] = useState(wait ?? 0);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return (
    <Button size="xs" variant="default" onClick={onAgain}>
      {left > 0 ? t("endpoint.againIn", { seconds: left }) : t("common.retry")}
    </Button>
  );
}

/** What the form calls an input, by the path that a finding gives. */
function nameOf(form: EndpointForm, field: string): string {
  const [name = "", ...rest] = field.split(".");
  const title = form.schema.properties?.[name]?.title ?? labelText(null, wordsOf(name));
  const at = Number(rest[0]);
  return Number.isInteger(at) ? `${title} (${at + 1})` : title;
}
