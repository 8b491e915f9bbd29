import { Table, Text } from "@mantine/core";
import type { Column, Json, JsonObject } from "../api/types";
import { useText } from "../i18n";
import { cellText } from "../list/format";
import styles from "./JsonView.module.css";
import { columnsOf, isCell, isMoment, isObject, keyWords } from "./shapes";

/** Rows and members that are shown; the rest is in the JSON below. */
const MOST = 200;
/** Objects within objects that are still read as such. */
const DEEPEST = 3;
const MOMENT: Column = { field: "", type: "datetime" };

/** A JSON value as people read it: a table, or names with their values; and as it came. */
export function JsonView({ value, raw }: { value: Json; raw?: string }) {
  const t = useText();
  return (
    <div className={styles.view}>
      <Part value={value} depth={0} />
      {!isCell(value) && (
        <details className={styles.raw}>
          <summary>{t("json.raw")}</summary>
          {/* A region that scrolls is reached by the keyboard, too. */}
          <pre tabIndex={0}>{raw ?? JSON.stringify(value, null, 2)}</pre>
        </details>
      )}
    </div>
  );
}

function Part({ value, depth }: { value: Json; depth: number }) {
  const t = useText();
  if (isCell(value)) return <Cell value={value} />;
  const columns = columnsOf(value);
  if (columns) return <Rows rows={value as JsonObject[]} columns={columns} />;
  if (depth >= DEEPEST) return <code className={styles.deep}>{JSON.stringify(value)}</code>;
  const members: [string, Json][] = isObject(value)
    ? Object.entries(value)
    : (value as Json[]).map((item, index) => [String(index + 1), item]);
  if (members.length === 0) return <>{t("form.none")}</>;
  return (
    <dl className={styles.members}>
      {members.slice(0, MOST).map(([name, item]) => (
        <div key={name} className={styles.member} data-nested={!isCell(item) || undefined}>
          <dt>{keyWords(name)}</dt>
          <dd>
            <Part value={item} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Rows({ rows, columns }: { rows: JsonObject[]; columns: string[] }) {
  const t = useText();
  return (
    <>
      <Table.ScrollContainer minWidth={0} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table className={styles.table}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((name) => (
                <Table.Th key={name}>{keyWords(name)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.slice(0, MOST).map((row, index) => (
              // Rows of another application have no key of their own.
              <Table.Tr key={index}>
                {columns.map((name) => (
                  <Table.Td key={name}>
                    <Cell value={row[name] ?? null} />
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {rows.length > MOST && (
        <Text size="sm" c="dimmed">
          {t("json.more", { count: rows.length - MOST })}
        </Text>
      )}
    </>
  );
}

function Cell({ value }: { value: Json }) {
  const t = useText();
  if (value === null || value === "") return <>–</>;
  if (typeof value === "boolean") return <>{t(value ? "common.yes" : "common.no")}</>;
  if (Array.isArray(value)) return <>{value.map(String).join(", ") || "–"}</>;
  const text = String(value);
  if (isMoment(text)) return <time dateTime={text}>{cellText(MOMENT, text)}</time>;
  return <>{text}</>;
}
