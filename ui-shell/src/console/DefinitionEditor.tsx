import { Button, Card, Group, Stack, Tabs, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useText } from "../i18n";
import {
  type EntityDefinition,
  labelOf,
  newEntity,
  type ServiceDefinition,
  withLabel,
} from "./definition";
import { FieldTable } from "./FieldTable";

type Props = {
  definition: ServiceDefinition;
  isNew: boolean;
  onChange: (definition: ServiceDefinition) => void;
};

/** A service's definition, as tables and as JSON; both edit the same value. */
export function DefinitionEditor({ definition, isNew, onChange }: Props) {
  const t = useText();
  const change = (next: EntityDefinition) =>
    onChange({
      ...definition,
      entities: definition.entities.map((item) => (item.id === next.id ? next : item)),
    });
  return (
    <Tabs defaultValue="entities" keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="entities">{t("console.entities")}</Tabs.Tab>
        <Tabs.Tab value="json">{t("console.json")}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="entities">
        <Stack>
          <Group>
            <TextInput
              label={t("console.name")}
              value={definition.name}
              disabled={!isNew}
              required
              onChange={(event) => onChange({ ...definition, name: event.currentTarget.value })}
            />
            <TextInput
              label={t("console.label")}
              value={labelOf(definition.label)}
              onChange={(event) => onChange(withLabel(definition, event.currentTarget.value))}
            />
          </Group>
          {definition.entities.map((entity) => (
            <Card key={entity.id} withBorder>
              <Stack>
                <Group align="flex-end">
                  <TextInput
                    label={t("console.entityName")}
                    value={entity.name}
                    required
                    onChange={(event) => change({ ...entity, name: event.currentTarget.value })}
                  />
                  <TextInput
                    label={t("console.entityLabel")}
                    value={labelOf(entity.label)}
                    onChange={(event) => change(withLabel(entity, event.currentTarget.value))}
                  />
                  <Button
                    variant="subtle"
                    color="red"
                    onClick={() =>
                      onChange({
                        ...definition,
                        entities: definition.entities.filter((item) => item.id !== entity.id),
                      })
                    }
                  >
                    {t("console.remove")}
                  </Button>
                </Group>
                <FieldTable
                  fields={entity.fields}
                  onChange={(fields) => change({ ...entity, fields })}
                />
              </Stack>
            </Card>
          ))}
          <Group>
            <Button
              variant="default"
              onClick={() =>
                onChange({ ...definition, entities: [...definition.entities, newEntity()] })
              }
            >
              {t("console.addEntity")}
            </Button>
          </Group>
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="json">
        <JsonEditor definition={definition} onChange={onChange} />
      </Tabs.Panel>
    </Tabs>
  );
}

type JsonProps = Pick<Props, "definition" | "onChange">;

function JsonEditor({ definition, onChange }: JsonProps) {
  const t = useText();
  const [text, setText] = useState(() => JSON.stringify(definition, null, 2));
  const [wrong, setWrong] = useState("");
  const take = (typed: string) => {
    setText(typed);
    try {
      const parsed = JSON.parse(typed) as ServiceDefinition;
      const entities = Array.isArray(parsed.entities) ? parsed.entities : [];
      onChange({
        ...parsed,
        entities: entities.map((item) => ({ ...item, fields: item.fields ?? [] })),
      });
      setWrong("");
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Textarea
      aria-label={t("console.json")}
      autosize
      minRows={20}
      maxRows={40}
      spellCheck={false}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      error={wrong}
      value={text}
      onChange={(event) => take(event.currentTarget.value)}
    />
  );
}
