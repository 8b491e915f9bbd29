import { Alert, List, Text } from "@mantine/core";
import { useText } from "../i18n";
import type { Finding } from "./api";
import type { ServiceDefinition } from "./definition";
import { Place } from "./Place";

type Props = { findings: readonly Finding[]; definition: ServiceDefinition | undefined };

/** What is wrong with a definition, where, and what to do about it. */
export function Findings({ findings, definition }: Props) {
  const t = useText();
  if (findings.length === 0) return <Alert color="green">{t("console.noFindings")}</Alert>;
  return (
    <Alert color={findings.some((item) => item.severity === "error") ? "red" : "yellow"}>
      <List size="sm">
        {findings.map((finding) => (
          <List.Item key={`${finding.path} ${finding.message}`}>
            <Place definition={definition} pointer={finding.path} />
            <Text size="sm">
              {finding.message} {finding.remedy ?? ""}
            </Text>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
