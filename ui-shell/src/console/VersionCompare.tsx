import { Alert, Group, List, Loader, NativeSelect, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { useText } from "../i18n";
import { type Finding, versionQuery } from "./api";
import styles from "./Definition.module.css";
import type { ServiceDefinition } from "./definition";
import { type Difference, differences } from "./differences";
import { Place } from "./Place";

const CodeEditor = lazy(() => import("./CodeEditor"));
const MOST_LISTED = 30;

type Props = {
  name: string;
  numbers: readonly number[];
  left: number;
  right: number;
  onChoose: (left: number, right: number) => void;
};

/** One version's definition, or two beside each other with what differs marked. */
export default function VersionCompare({ name, numbers, left, right, onChoose }: Props) {
  const t = useText();
  const first = useQuery(versionQuery(name, left));
  const second = useQuery(versionQuery(name, right));
  const found = useMemo(
    () => (first.data && second.data ? differences(first.data, second.data) : []),
    [first.data, second.data],
  );
  const failed = first.error ?? second.error;
  const choices = numbers.map((number) => ({
    value: String(number),
    label: `${t("console.version")} ${number}`,
  }));
  const sides = left === right ? (["left"] as const) : (["left", "right"] as const);
  return (
    <Stack component="section" gap="sm" aria-label={t("console.compare")}>
      <Title order={2} size="h3">
        {left === right ? t("console.view") : t("console.compare")}
      </Title>
      <Group>
        <NativeSelect
          label={t("console.compareLeft")}
          data={choices}
          value={left}
          onChange={(event) => onChoose(Number(event.currentTarget.value), right)}
        />
        <NativeSelect
          label={t("console.compareRight")}
          data={choices}
          value={right}
          onChange={(event) => onChoose(left, Number(event.currentTarget.value))}
        />
      </Group>
      {failed && <Alert color="red">{failed.message}</Alert>}
      {left !== right && first.data && second.data && (
        <Changes found={found} before={first.data} after={second.data} />
      )}
      <div className={styles.pair} data-single={left === right || undefined}>
        {sides.map((side) => {
          const data = side === "left" ? first.data : second.data;
          const label = `${t("console.version")} ${side === "left" ? left : right}`;
          return (
            <div key={side}>
              <Text size="sm" fw={600} mb={4}>
                {label}
              </Text>
              <div className={styles.code}>
                <Suspense fallback={<Loader m="lg" />}>
                  {data && (
                    <CodeEditor
                      key={label}
                      readOnly
                      label={label}
                      value={data}
                      findings={marksOf(found, side, t("console.differs"))}
                    />
                  )}
                </Suspense>
              </div>
            </div>
          );
        })}
      </div>
    </Stack>
  );
}

type ChangesProps = {
  found: readonly Difference[];
  before: ServiceDefinition;
  after: ServiceDefinition;
};

function Changes({ found, before, after }: ChangesProps) {
  const t = useText();
  if (found.length === 0) return <Text size="sm">{t("console.same")}</Text>;
  return (
    <List size="sm">
      {found.slice(0, MOST_LISTED).map(({ left, right }) => (
        <List.Item key={`${left} ${right}`}>
          <Place
            definition={right === null ? before : after}
            pointer={right ?? left ?? ""}
          />{" "}
          {left === null
            ? t("console.added")
            : right === null
              ? t("console.gone")
              : t("console.changed")}
        </List.Item>
      ))}
      {found.length > MOST_LISTED && (
        <List.Item>{t("console.more", { count: found.length - MOST_LISTED })}</List.Item>
      )}
    </List>
  );
}

const marksOf = (
  found: readonly Difference[],
  side: "left" | "right",
  message: string,
): Finding[] =>
  found.flatMap((difference) => {
    const path = difference[side];
    return path === null ? [] : [{ severity: "warning", path, message }];
  });
