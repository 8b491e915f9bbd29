import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Json } from "../api/types";
import { useText } from "../i18n";
import { targetsQuery } from "./api";
import type { ServiceDefinition } from "./definition";

type Props = {
  definition: ServiceDefinition;
  value: Json;
  onChange: (target: Json) => void;
};

/** Chooses what a relation points at: own entities and those of published services. */
export function TargetPicker({ definition, value, onChange }: Props) {
  const t = useText();
  const published = useQuery(targetsQuery()).data ?? [];
  const chosen = typeof value === "string" ? value : null;
  const own = definition.name
    ? definition.entities.filter((item) => item.name).map((item) => `${definition.name}.${item.name}`)
    : [];
  const others = published.filter((target) => !target.startsWith(`${definition.name}.`));
  const all = new Set([...own, ...(chosen ? [chosen] : []), ...others]);
  return (
    <Select
      size="xs"
      label={t("console.target")}
      description={definition.name ? t("console.targetHelp") : t("console.targetName")}
      required
      searchable
      allowDeselect={false}
      data={[...all]}
      value={chosen}
      onChange={onChange}
    />
  );
}
