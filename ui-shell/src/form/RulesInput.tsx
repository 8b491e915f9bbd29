import { ActionIcon, Button, Group, Paper, Select, Stack, Text } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import type { JsonObject, Label } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import type { InputProps } from "./Field";
import { JsonInput } from "./JsonInput";
import { nameOf } from "./values";

type Resource = { value: string; label: Label; actions: string[] };

const KNOWN = ["permission", "effect", "scope"];

/** The rules of a role: what may be done with what, on whose rows. */
export function RulesInput({ id, element, value, readOnly, onChange, ...rest }: InputProps) {
  const t = useText();
  const rules = (Array.isArray(value) ? value : []) as JsonObject[];
  const resources = (element.options?.resources ?? []) as Resource[];
  // What cannot be changed does not look like a box to choose from.
  const look = readOnly
    ? ({
        readOnly,
        variant: "unstyled",
        rightSection: <span />,
        styles: { input: { border: 0 } },
      } as const)
    : { readOnly };
  const set = (index: number, next: JsonObject) =>
    onChange(rules.map((rule, at) => (at === index ? next : rule)));
  return (
    <Stack gap="xs" id={id}>
      {rules.map((rule, index) => {
        const [resource = "", action = "*"] = String(rule.permission ?? "").split(":");
        const further = Object.fromEntries(
          Object.entries(rule).filter(([name]) => !KNOWN.includes(name)),
        );
        const known = resources.find((item) => item.value === resource);
        const words = { ...further, permission: `${resource}:${action}` };
        const change = (part: JsonObject) => set(index, clean({ ...rule, ...words, ...part }));
        return (
          <Paper key={index} withBorder p="xs" role="group" aria-label={t("form.row", { row: index + 1 })}>
            <Group gap="xs" align="flex-end">
              <Select
                label={t("rules.effect")}
                w={110}
                {...look}
                allowDeselect={false}
                data={["allow", "deny"].map((item) => ({
                  value: item,
                  label: item === "deny" ? t("rules.deny") : t("rules.allow"),
                }))}
                value={String(rule.effect ?? "allow")}
                onChange={(effect) => change({ effect })}
              />
              <Select
                label={t("rules.action")}
                w={150}
                {...look}
                searchable
                allowDeselect={false}
                data={withOwn(["*", ...(known?.actions ?? ["read"])], action).map((item) => ({
                  value: item,
                  label: item === "*" ? t("rules.every") : wordsOf(item),
                }))}
                value={action}
                onChange={(next) => change({ permission: `${resource}:${next}` })}
              />
              <Select
                label={t("rules.resource")}
                name={index === 0 ? nameOf(element) : undefined}
                flex={1}
                miw={160}
                {...look}
                searchable
                allowDeselect={false}
                data={withOwn(resources.map((item) => item.value), resource).map((item) => ({
                  value: item,
                  label: labelText(resources.find((each) => each.value === item)?.label, item),
                }))}
                value={resource}
                onChange={(next) => change({ permission: `${next}:${action}` })}
              />
              <Select
                label={t("rules.scope")}
                w={170}
                {...look}
                allowDeselect={false}
                data={(["tenant", "team", "own"] as const).map((item) => ({
                  value: item,
                  label: t(`rules.scope.${item}`),
                }))}
                value={String(rule.scope ?? "tenant")}
                onChange={(scope) => change({ scope })}
              />
              {!readOnly && (
                <ActionIcon
                  variant="subtle"
                  color="red"
                  size={36}
                  aria-label={t("form.removeRow")}
                  onClick={() => onChange(rules.filter((_, at) => at !== index))}
                >
                  <Trash2 size={16} />
                </ActionIcon>
              )}
            </Group>
            {(!readOnly || Object.keys(further).length > 0) && (
              <details open={Object.keys(further).length > 0 || undefined}>
                <Text component="summary" size="xs" c="dimmed" mt="xs">
                  {t("rules.further")}
                </Text>
                <JsonInput
                  {...rest}
                  id={`${id}-${index}`}
                  element={{ type: "Control", scope: `#/properties/rules-${index}` }}
                  readOnly={readOnly}
                  describedBy={undefined}
                  value={Object.keys(further).length > 0 ? further : null}
                  onChange={(next) =>
                    set(index, clean({ ...pick(rule), ...(next as JsonObject | null) }))
                  }
                />
              </details>
            )}
          </Paper>
        );
      })}
      {!readOnly && (
        <Group>
          <Button
            variant="default"
            size="xs"
            leftSection={<Plus size={14} />}
            onClick={() => onChange([...rules, { permission: "data:read" }])}
          >
            {t("rules.add")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

/** What a rule holds already stays to be seen, even where this page does not know it. */
const withOwn = (known: string[], own: string): string[] =>
  known.includes(own) || own === "" ? known : [own, ...known];

const pick = (rule: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(rule).filter(([name]) => KNOWN.includes(name)));

/** Defaults are not written. */
function clean(rule: JsonObject): JsonObject {
  const { effect, scope, ...others } = rule;
  return {
    ...others,
    ...(effect === "deny" ? { effect } : {}),
    ...(scope && scope !== "tenant" ? { scope } : {}),
  };
}
