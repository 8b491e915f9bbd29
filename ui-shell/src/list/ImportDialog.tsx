import { Alert, Button, Checkbox, FileInput, Group, Modal, Stack, Table, Text } from "@mantine/core";
import { useRef, useState } from "react";
import { request, respond } from "../api/client";
import { refreshRecords } from "../api/queries";
import type { Source } from "../api/source";
import { useText } from "../i18n";
import { saveAs } from "./download";

type Report = {
  dry_run: boolean;
  rows: number;
  imported: number;
  skipped: number;
  failed: number;
  errors: { row: number; field: string; message: string; value: string }[];
  errors_url: string | null;
  repeated?: boolean;
};

type Props = { source: Source; onClose: () => void };

/** A file into an entity: checked first, with every wrong row named, then imported. */
export function ImportDialog({ source, onClose }: Props) {
  const t = useText();
  const [file, setFile] = useState<File | null>(null);
  const [skip, setSkip] = useState(false);
  const [report, setReport] = useState<Report | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const reset = useRef<() => void>(null);

  function choose(next: File | null) {
    setFile(next);
    setReport(null);
    setFailure(null);
    // With its name left in the input, the same file chosen again would be no change.
    reset.current?.();
  }

  async function send(dryRun: boolean) {
    if (!file) return;
    setBusy(true);
    setFailure(null);
    // A browser no longer reads a file that was written to since it was chosen.
    if (!(await isReadable(file))) {
      choose(null);
      setFailure(t("list.importChanged"));
      setBusy(false);
      return;
    }
    const format = file.name.toLowerCase().endsWith(".csv") ? "csv" : "jsonl";
    try {
      const answer = await request<Report>("POST", `${source.data}/import`, {
        query: { format, dry_run: dryRun || undefined, on_error: skip ? "skip" : undefined },
        body: file,
        headers: { "Content-Type": format === "csv" ? "text/csv" : "application/x-ndjson" },
      });
      setReport(answer.data);
      if (!dryRun) await refreshRecords(source);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  async function saveErrors(url: string) {
    const response = await respond("GET", url.replace(/^\/api\/v1/, ""));
    saveAs(await response.blob(), `${source.entity}-errors.csv`);
  }

  const done = report !== null && !report.dry_run && report.imported > 0;
  const checked = report?.dry_run && (report.failed === 0 || skip);
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={t("list.import")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Text c="dimmed">{t("list.importHint")}</Text>
        <FileInput
          label={t("list.importFile")}
          placeholder={t("list.importPick")}
          accept=".csv,.jsonl,.ndjson"
          value={file}
          resetRef={reset}
          onChange={choose}
        />
        <Checkbox
          label={t("list.importSkip")}
          checked={skip}
          onChange={(event) => setSkip(event.currentTarget.checked)}
        />
        {failure && (
          <Alert color="red" role="alert">
            {failure}
          </Alert>
        )}
        {report && <ReportView report={report} onErrors={(url) => void saveErrors(url)} />}
        <Group justify="flex-end">
          {done ? (
            <Button onClick={onClose}>{t("common.close")}</Button>
          ) : (
            <>
              <Button
                variant="default"
                disabled={!file}
                loading={busy}
                onClick={() => void send(true)}
              >
                {t("list.importCheck")}
              </Button>
              <Button disabled={!checked} loading={busy} onClick={() => void send(false)}>
                {t("list.import")}
              </Button>
            </>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

const isReadable = (file: File): Promise<boolean> =>
  file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );

function ReportView({ report, onErrors }: { report: Report; onErrors: (url: string) => void }) {
  const t = useText();
  const { errors_url: url } = report;
  const fits = report.rows - report.failed - report.skipped;
  return (
    <Stack gap="xs" role="status">
      <Text fw={500}>
        {report.dry_run
          ? t("list.importChecked", { rows: report.rows, fits, failed: report.failed })
          : t("list.importDone", { count: report.imported, failed: report.failed })}
        {report.repeated && ` ${t("list.importRepeated")}`}
      </Text>
      {report.errors.length > 0 && (
        <Table.ScrollContainer minWidth={420} mah={260}>
          <Table fz="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("list.row")}</Table.Th>
                <Table.Th>{t("list.field")}</Table.Th>
                <Table.Th>{t("list.value")}</Table.Th>
                <Table.Th>{t("list.problem")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {report.errors.map((error) => (
                <Table.Tr key={`${error.row} ${error.field} ${error.message}`}>
                  <Table.Td>{error.row}</Table.Td>
                  <Table.Td>{error.field}</Table.Td>
                  <Table.Td>{error.value}</Table.Td>
                  <Table.Td>{error.message}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {url && (
        <Button variant="default" size="xs" w="fit-content" onClick={() => onErrors(url)}>
          {t("list.importErrors")}
        </Button>
      )}
    </Stack>
  );
}
