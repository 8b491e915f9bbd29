import {
  Alert,
  Button,
  FileButton,
  Group,
  List,
  Modal,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { post } from "../api/client";
import type { Label } from "../api/types";
import { labelText, useText } from "../i18n";
import type { Finding } from "./api";
import { detailsOf } from "./failure";

type Preview = {
  importable: boolean;
  name: string | null;
  findings: Finding[];
  endpoints: {
    name: string;
    label: Label;
    method: string;
    path: string;
    permissions: string[];
    form: { schema: { properties?: { [name: string]: unknown } } };
  }[];
  menu: { name: string; label: Label; children: { name: string; label: Label }[] }[];
  difference: { breaks: { kind: string; name: string; endpoint: string; message: string }[] } | null;
};

type Props = { onClose: () => void };

/** Asks for an OpenAPI document, shows what becomes of it, then stores it as a draft. */
export function ImportOpenapi({ onClose }: Props) {
  const t = useText();
  const go = useNavigate();
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [baseUrl, setBaseUrl] = useState("");
  const [preview, setPreview] = useState<Preview | null>(null);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  async function send(isDry: boolean) {
    setBusy(true);
    setFailure("");
    try {
      const { data } = await post<Preview>("/core/services/import-openapi", {
        text,
        dry_run: isDry,
        ...(name && { name }),
        ...(baseUrl && { base_url: baseUrl }),
      });
      if (isDry) setPreview(data);
      else await go({ to: "/console/services/$name", params: { name: data.name ?? "" } });
    } catch (error) {
      setPreview(null);
      setFailure(detailsOf(error));
    } finally {
      setBusy(false);
    }
  }

  /** What was shown is no longer what would be stored. */
  const changed = (set: (value: string) => void) => (value: string) => {
    set(value);
    setPreview(null);
  };
  return (
    <Modal opened size="xl" onClose={onClose} title={t("console.import")}>
      <Stack>
        <Text size="sm">{t("console.importHelp")}</Text>
        <Group grow align="end">
          <TextInput
            label={t("console.name")}
            value={name}
            onChange={(event) => changed(setName)(event.currentTarget.value)}
          />
          <TextInput
            label={t("console.importBase")}
            value={baseUrl}
            onChange={(event) => changed(setBaseUrl)(event.currentTarget.value)}
          />
          <FileButton
            accept=".json,.yaml,.yml"
            onChange={(file) => void file?.text().then(changed(setText))}
          >
            {(button) => (
              <Button variant="default" {...button}>
                {t("console.importFile")}
              </Button>
            )}
          </FileButton>
        </Group>
        <Textarea
          label={t("console.importDocument")}
          rows={10}
          value={text}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          onChange={(event) => changed(setText)(event.currentTarget.value)}
        />
        {failure && (
          <Alert color="red" role="alert" styles={{ message: { whiteSpace: "pre-line" } }}>
            {failure}
          </Alert>
        )}
        {preview && <PreviewOf preview={preview} />}
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={busy}
            disabled={text.trim() === ""}
            onClick={() => void send(true)}
          >
            {t("console.importPreview")}
          </Button>
          <Button
            loading={busy}
            disabled={!preview?.importable}
            onClick={() => void send(false)}
          >
            {t("console.importStore")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function PreviewOf({ preview }: { preview: Preview }) {
  const t = useText();
  const { findings, endpoints, menu, difference } = preview;
  const breaks = difference?.breaks ?? [];
  return (
    <Stack>
      {findings.length > 0 && (
        <Alert color={preview.importable ? "yellow" : "red"} role="status">
          <List size="sm">
            {findings.map(({ path, message, remedy }) => (
              <List.Item key={`${path} ${message}`}>
                <Text size="sm" ff="monospace">
                  {path}
                </Text>
                {message}. {remedy ?? ""}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {breaks.length > 0 && (
        <Alert color="orange" title={t("console.importBreaks")}>
          <List size="sm">
            {breaks.map((item) => (
              <List.Item key={`${item.kind} ${item.name} ${item.endpoint}`}>
                {`${item.endpoint} · ${item.name}: ${item.message}`}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {endpoints.length > 0 && (
        <Table.ScrollContainer minWidth={600} mah={360}>
          <Table>
            <Table.Caption>
              {t("console.importEndpoints", { count: endpoints.length })}
            </Table.Caption>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("console.label")}</Table.Th>
                <Table.Th>{t("console.type")}</Table.Th>
                <Table.Th>{t("console.importForm")}</Table.Th>
                <Table.Th>{t("console.importPermissions")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {endpoints.map((call) => (
                <Table.Tr key={call.name}>
                  <Table.Td>{labelText(call.label, call.name)}</Table.Td>
                  <Table.Td>{`${call.method} ${call.path}`}</Table.Td>
                  <Table.Td>{Object.keys(call.form.schema.properties ?? {}).join(", ")}</Table.Td>
                  <Table.Td>{call.permissions.join(", ")}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {menu.length > 0 && (
        <Text size="sm">
          {`${t("console.importMenu")}: ${menu
            .map((group) => {
              const below = group.children.map((item) => labelText(item.label, item.name));
              const title = labelText(group.label, group.name);
              return below.length > 0 ? `${title} (${below.join(", ")})` : title;
            })
            .join(" · ")}`}
        </Text>
      )}
    </Stack>
  );
}
