import {
  ActionIcon,
  Alert,
  Button,
  NativeSelect,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { Trash2 } from "lucide-react";
import type { ChangeEvent } from "react";
import { useText } from "../i18n";
import styles from "./Definition.module.css";
import { labelOf, named, type ServiceDefinition } from "./definition";
import {
  AUTH_TYPES,
  type EndpointDefinition,
  endpointsOf,
  inputsOf,
  METHODS,
  newEndpoint,
  USUAL,
  withValue,
} from "./external";

type Props = {
  definition: ServiceDefinition;
  /** Ids that were published: their names stay when the label changes. */
  kept: ReadonlySet<string>;
  onChange: (definition: ServiceDefinition) => void;
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Where an external service stands, how it is called, and its endpoints. */
export function ExternalForm({ definition, kept, onChange }: Props) {
  const t = useText();
  const endpoints = endpointsOf(definition);
  const set = (name: string, value: string) => onChange(withValue(definition, name, value));
  const put = (next: EndpointDefinition[]) => onChange({ ...definition, endpoints: next });
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          type="url"
          required
          label={t("console.ext.address")}
          description={t("console.ext.addressHelp")}
          placeholder="https://api.example.com"
          value={textOf(definition.base_url)}
          onChange={(event) => set("base_url", event.currentTarget.value)}
        />
        <TextInput
          type="url"
          label={t("console.ext.health")}
          description={t("console.ext.healthHelp")}
          placeholder="https://api.example.com/health"
          value={textOf(definition.health_check_url)}
          onChange={(event) => set("health_check_url", event.currentTarget.value)}
        />
        <NativeSelect
          label={t("console.ext.auth")}
          value={textOf(definition.auth_type) || "none"}
          data={AUTH_TYPES.map((value) => ({ value, label: t(`console.ext.auth.${value}`) }))}
          onChange={(event) => set("auth_type", event.currentTarget.value)}
        />
      </SimpleGrid>
      <Title order={2} size="h3">
        {t("console.ext.endpoints")}
      </Title>
      {!endpoints && <Alert color="yellow">{t("console.ext.unusable")}</Alert>}
      {endpoints?.map((endpoint) => (
        <EndpointRow
          key={endpoint.id}
          endpoint={endpoint}
          isKept={kept.has(endpoint.id)}
          onChange={(next) =>
            put(endpoints.map((each) => (each.id === endpoint.id ? next : each)))
          }
          onRemove={() => put(endpoints.filter((each) => each.id !== endpoint.id))}
        />
      ))}
      {endpoints && (
        <Button
          variant="default"
          w="fit-content"
          onClick={() => put([...endpoints, newEndpoint()])}
        >
          {t("console.ext.add")}
        </Button>
      )}
    </Stack>
  );
}

type RowProps = {
  endpoint: EndpointDefinition;
  isKept: boolean;
  onChange: (endpoint: EndpointDefinition) => void;
  onRemove: () => void;
};

function EndpointRow({ endpoint, isKept, onChange, onRemove }: RowProps) {
  const t = useText();
  const label = labelOf(endpoint.label);
  const inputs = inputsOf(endpoint);
  const number = (name: "rate_limit" | "timeout_ms", factor = 1) => {
    const value = endpoint[name];
    return {
      type: "number",
      min: 1,
      value: typeof value === "number" ? value / factor : "",
      placeholder: String(USUAL[name] / factor),
      onChange: (event: ChangeEvent<HTMLInputElement>) => {
        const next = event.currentTarget.valueAsNumber;
        onChange(withValue(endpoint, name, Number.isNaN(next) ? null : next * factor));
      },
    };
  };
  return (
    <section className={styles.endpoint} aria-label={label || endpoint.name || endpoint.path}>
      <div className={styles.call}>
        <TextInput
          label={t("console.label")}
          value={label}
          onChange={(event) => onChange(named(endpoint, event.currentTarget.value, isKept))}
        />
        <NativeSelect
          label={t("console.ext.method")}
          value={textOf(endpoint.method) || USUAL.method}
          data={METHODS as unknown as string[]}
          onChange={(event) => onChange({ ...endpoint, method: event.currentTarget.value })}
        />
        <TextInput
          label={t("console.ext.path")}
          required
          value={endpoint.path}
          onChange={(event) => onChange({ ...endpoint, path: event.currentTarget.value })}
        />
      </div>
      <div className={styles.limits}>
        <TextInput label={t("console.ext.rate")} {...number("rate_limit")} />
        <TextInput label={t("console.ext.timeout")} {...number("timeout_ms", 1000)} />
        <Text size="sm" c="dimmed">
          {inputs.length > 0
            ? t("console.ext.inputs", { names: inputs.join(", ") })
            : t("console.ext.noInputs")}
        </Text>
        <ActionIcon
          variant="subtle"
          color="red"
          size={36}
          aria-label={t("console.ext.remove", { name: label || endpoint.path })}
          onClick={onRemove}
        >
          <Trash2 size={16} />
        </ActionIcon>
      </div>
    </section>
  );
}
