import { ActionIcon, Button, Card, Group, Stack, Text, TextInput } from "@mantine/core";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useText } from "../i18n";
import {
  idsOf,
  labelOf,
  named,
  newEntity,
  renamed,
  type ServiceDefinition,
  withEntity,
  withoutEntity,
} from "./definition";
import { ExternalForm } from "./ExternalForm";
import { isExternal } from "./external";
import { FieldTable } from "./FieldTable";

type Props = {
  definition: ServiceDefinition;
  published: ServiceDefinition | null;
  isNew: boolean;
  onChange: (definition: ServiceDefinition) => void;
};

const LONGEST_SERVICE = 40;

/** A definition as inputs: the service, its entities, their fields. */
export function DefinitionForm({ definition, published, isNew, onChange }: Props) {
  const t = useText();
  const kept = idsOf(published);
  const rename = (next: ServiceDefinition) => onChange(renamed(definition, next));
  return (
    <Stack gap="md">
      <Group align="flex-end" grow preventGrowOverflow={false}>
        <TextInput
          label={t("console.label")}
          value={labelOf(definition.label)}
          onChange={(event) =>
            rename(named(definition, event.currentTarget.value, !isNew, LONGEST_SERVICE))
          }
        />
        <TextInput
          label={t("console.name")}
          value={definition.name}
          disabled={!isNew}
          required
          maxLength={LONGEST_SERVICE}
          onChange={(event) => rename({ ...definition, name: event.currentTarget.value })}
        />
      </Group>
      {isExternal(definition) ? (
        <ExternalForm definition={definition} kept={kept} onChange={onChange} />
      ) : (
        <Entities definition={definition} kept={kept} onChange={onChange} />
      )}
    </Stack>
  );
}

type EntitiesProps = Pick<Props, "definition" | "onChange"> & { kept: ReadonlySet<string> };

/** The entities of a service with their fields. */
function Entities({ definition, kept, onChange }: EntitiesProps) {
  const t = useText();
  const [before, setBefore] = useState<ServiceDefinition | null>(null);
  return (
    <>
      {definition.entities.map((entity) => (
        <Card key={entity.id} withBorder component="section" aria-label={entity.name}>
          <Stack gap="sm">
            <Group align="flex-end" wrap="nowrap">
              <TextInput
                label={t("console.entityLabel")}
                value={labelOf(entity.label)}
                onChange={(event) =>
                  onChange(
                    withEntity(
                      definition,
                      named(entity, event.currentTarget.value, kept.has(entity.id)),
                    ),
                  )
                }
              />
              <TextInput
                label={t("console.entityName")}
                value={entity.name}
                required
                maxLength={63}
                onChange={(event) =>
                  onChange(withEntity(definition, { ...entity, name: event.currentTarget.value }))
                }
              />
              <ActionIcon
                variant="subtle"
                color="red"
                size={36}
                ml="auto"
                aria-label={t("console.removeEntity")}
                onClick={() => {
                  setBefore(definition);
                  onChange(withoutEntity(definition, entity.id));
                }}
              >
                <Trash2 size={16} />
              </ActionIcon>
            </Group>
            <FieldTable
              definition={definition}
              fields={entity.fields}
              kept={kept}
              onChange={(fields) => onChange(withEntity(definition, { ...entity, fields }))}
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
        {before && (
          <Group gap="xs" role="status">
            <Text size="sm">{t("console.entityRemoved")}</Text>
            <Button
              variant="light"
              size="xs"
              onClick={() => {
                onChange(before);
                setBefore(null);
              }}
            >
              {t("common.undo")}
            </Button>
          </Group>
        )}
      </Group>
    </>
  );
}
