import { Text } from "@mantine/core";
import type { ServiceDefinition } from "./definition";
import { placeOf } from "./places";

type Props = { definition: ServiceDefinition | undefined; pointer: string };

/** Where something stands in a definition: by labels, with its JSON Pointer in small. */
export function Place({ definition, pointer }: Props) {
  const words = definition ? placeOf(definition, pointer) : [];
  return (
    <>
      {words.length > 0 && (
        <Text span size="sm" fw={600}>
          {words.join(" → ")}{" "}
        </Text>
      )}
      {pointer && (
        <Text span size="xs" c="dimmed" ff="monospace">
          {pointer}
        </Text>
      )}
    </>
  );
}
