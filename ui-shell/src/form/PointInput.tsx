import { Group, TextInput } from "@mantine/core";
import type { JsonObject } from "../api/types";
import type { InputProps } from "./FieldInput";

/** A place: latitude and longitude; null until one of them is filled. */
export function PointInput({ common, value, onChange, schema }: InputProps) {
  const shape = schema?.properties ?? schema?.anyOf?.find((item) => item.properties)?.properties;
  const names = Object.keys(shape ?? { lat: {}, lon: {} });
  const point: JsonObject =
    value && typeof value === "object" && !Array.isArray(value) ? value : {};
  const change = (name: string, text: string) => {
    const { [name]: _, ...rest } = point;
    const next = text === "" ? rest : { ...rest, [name]: Number(text) };
    onChange(Object.keys(next).length ? next : null);
  };
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      {names.map((name, index) => (
        <TextInput
          key={name}
          {...common}
          id={index ? `${common.id}-${name}` : common.id}
          label={`${common.label} (${name})`}
          error={index ? undefined : common.error}
          type="number"
          step="any"
          value={String(point[name] ?? "")}
          onChange={(event) => change(name, event.currentTarget.value)}
        />
      ))}
    </Group>
  );
}
