import {
  Alert,
  Button,
  FileButton,
  Group,
  List,
  Modal,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { get, post } from "../api/client";
import { queryClient } from "../api/queries";
import type { JsonObject, Label } from "../api/types";
import { labelText, saidOf, useText } from "../i18n";
import type { Finding, StoredService } from "./api";
import { detailsOf } from "./failure";

type Said = { method: string; path: string };
type Difference = {
  added: Said[];
  removed: Said[];
  changed: Said[];
  breaks: {
    kind: string;
    name: string;
    endpoint: string;
    code: string;
    message: string;
    params: JsonObject;
  }[];
};
type Preview = {
  importable: boolean;
  name: string | null;
  findings: Finding[];
  endpoints: (Said & {
    name: string;
    label: Label;
    permissions: string[];
    form: { schema: { properties?: { [name: string]: unknown } } };
  })[];
  menu: { name: string; label: Label; children: { name: string; label: Label }[] }[];
  difference: Difference | null;
};

const SOURCES = ["url", "text"] as const;
type Source = (typeof SOURCES)[number];

type Props = {
  /** The service whose draft is imported again; without it a new one is made. */
  stored?: StoredService;
  onClose: () => void;
};

/** Asks for an OpenAPI document, shows what becomes of it, then stores it as a draft. */
export function ImportOpenapi({ stored, onClose }: Props) {
  const t = useText();
  const go = useNavigate();
  const [source, setSource] = useState<Source>("url");
  const [url, setUrl] = useState("");
  const [text, setText] = useState("");
  const [name, setName] = useState(stored?.name ?? "");
  const [baseUrl, setBaseUrl] = useState("");
  const [preview, setPreview] = useState<Preview | null>(null);
  const [revision, setRevision] = useState(stored?.draft_revision ?? null);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  async function attempt(work: () => Promise<void>) {
    setBusy(true);
    setFailure("");
    try {
      await work();
    } catch (error) {
      setPreview(null);
      setFailure(detailsOf(error));
    } finally {
      setBusy(false);
    }
  }
  const send = async (more: object) => {
    const body = {
      ...(source === "url" ? { url: url.trim() } : { text }),
      ...(name && { name }),
      ...(baseUrl && { base_url: baseUrl }),
      ...more,
    };
    return (await post<Preview>("/core/services/import-openapi", body)).data;
  };
  async function show() {
    const found = await send({ dry_run: true });
    if (found.difference && found.name) {
      // The draft that this preview compares with is the one that may be replaced.
      const { data } = await get<StoredService>(`/core/services/${found.name}`);
      setRevision(data.draft_revision);
    }
    setPreview(found);
  }
  async function store() {
    const of = preview?.difference ? { draft_revision: revision } : {};
    const made = await send({ dry_run: false, ...of });
    await queryClient.invalidateQueries({ queryKey: ["console"] });
    await go({ to: "/console/services/$name", params: { name: made.name ?? name } });
    onClose();
  }

  /** What was shown is no longer what would be stored. */
  const changed =
    <TValue,>(set: (value: TValue) => void) =>
    (value: TValue) => {
      set(value);
      setPreview(null);
      setFailure("");
    };
  const isEmpty = (source === "url" ? url : text).trim() === "";
  return (
    <Modal
      opened
      size="xl"
      onClose={onClose}
      title={t("console.import")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Text size="sm">{t("console.importHelp")}</Text>
        <SegmentedControl
          size="xs"
          w="fit-content"
          aria-label={t("console.importFrom")}
          value={source}
          data={SOURCES.map((value) => ({ value, label: t(`console.import.${value}`) }))}
          onChange={(value) => changed(setSource)(value as Source)}
        />
        {source === "url" ? (
          <TextInput
            type="url"
            label={t("console.importUrl")}
            description={t("console.importUrlHelp")}
            placeholder="https://"
            value={url}
            onChange={(event) => changed(setUrl)(event.currentTarget.value)}
          />
        ) : (
          <>
            <Textarea
              label={t("console.importDocument")}
              rows={10}
              value={text}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              onChange={(event) => changed(setText)(event.currentTarget.value)}
            />
            <FileButton
              accept=".json,.yaml,.yml"
              onChange={(file) => void file?.text().then(changed(setText))}
            >
              {(button) => (
                <Button variant="default" w="fit-content" {...button}>
                  {t("console.importFile")}
                </Button>
              )}
            </FileButton>
          </>
        )}
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={t("console.name")}
            description={t("console.importNameHelp")}
            readOnly={stored !== undefined}
            value={name}
            onChange={(event) => changed(setName)(event.currentTarget.value)}
          />
          <TextInput
            label={t("console.importBase")}
            description={t("console.importBaseHelp")}
            value={baseUrl}
            onChange={(event) => changed(setBaseUrl)(event.currentTarget.value)}
          />
        </SimpleGrid>
        {failure && (
          <Alert
            color="red"
            role="alert"
            styles={{ message: { whiteSpace: "pre-line", overflowWrap: "anywhere" } }}
          >
            {failure}
          </Alert>
        )}
        {preview && <PreviewOf preview={preview} />}
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={busy}
            disabled={isEmpty}
            onClick={() => void attempt(show)}
          >
            {t("console.importPreview")}
          </Button>
          <Button
            loading={busy}
            disabled={!preview?.importable}
            onClick={() => void attempt(store)}
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
        <Alert
          color={preview.importable ? "yellow" : "red"}
          role="status"
          title={t(preview.importable ? "console.importNotes" : "console.importRefused")}
        >
          <List size="sm" style={{ overflowWrap: "anywhere" }}>
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
      {difference && <DifferenceOf difference={difference} />}
      {breaks.length > 0 && (
        <Alert color="orange" title={t("console.importBreaks")} role="status">
          <List size="sm">
            {breaks.map((item) => (
              <List.Item key={`${item.kind} ${item.name} ${item.endpoint}`}>
                {`${item.endpoint} · ${item.name}: ${saidOf(item.code, item.message, item.params)}`}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {endpoints.length > 0 && (
        <Table.ScrollContainer
          minWidth={600}
          mah={360}
          scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
        >
          <Table>
            <Table.Caption>
              {t("console.importEndpoints", { count: endpoints.length })}
            </Table.Caption>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("console.label")}</Table.Th>
                <Table.Th>{t("console.importCall")}</Table.Th>
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

const KINDS = ["added", "changed", "removed"] as const;

/** What an import changes of a service that is there. */
function DifferenceOf({ difference }: { difference: Difference }) {
  const t = useText();
  const shown = KINDS.filter((kind) => difference[kind].length > 0);
  if (shown.length === 0) return <Text size="sm">{t("console.importSame")}</Text>;
  return (
    <Stack gap={4}>
      {shown.map((kind) => (
        <Text key={kind} size="sm">
          <b>{t(`console.import.${kind}`, { count: difference[kind].length })}</b>{" "}
          {difference[kind].map(({ method, path }) => `${method} ${path}`).join(" · ")}
        </Text>
      ))}
    </Stack>
  );
}
