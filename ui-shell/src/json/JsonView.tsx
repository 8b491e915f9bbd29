import { Table, Text } from "@mantine/core";
import { Fragment } from "react";
import type { Column, Json, JsonObject, PropertySchema } from "../api/types";
import { useText } from "../i18n";
import { cellText, exactText, scalarText } from "../list/format";
import styles from "./JsonView.module.css";
import {
  columnsOf,
  isCell,
  isMoment,
  isObject,
  keyWords,
  memberName,
  partOf,
  unitOf,
} from "./shapes";

/** Rows and members that are shown; the rest is in the JSON below. */
const MOST = 200;
/** Objects within objects that are still read as such. */
const DEEPEST = 3;
const MOMENT: Column = { field: "", type: "datetime" };

type Schema = PropertySchema | undefined;
type ViewProps = { value: Json; schema?: Schema; raw?: string };

/** A JSON value as people read it: a table, or names with their values; and as it came. */
export function JsonView({ value, schema, raw }: ViewProps) {
  const t = useText();
  return (
    <div className={styles.view}>
      <Part value={value} schema={schema} depth={0} />
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

function Part({ value, schema, depth }: { value: Json; schema: Schema; depth: number }) {
  const t = useText();
  if (isCell(value)) return <Cell value={value} schema={schema} />;
  const columns = columnsOf(value);
  if (columns) {
    return (
      <Rows rows={value as JsonObject[]} columns={columns} schema={partOf(schema, null)} />
    );
  }
  if (depth >= DEEPEST) return <code className={styles.deep}>{JSON.stringify(value)}</code>;
  const members: [string, Json, Schema][] = isObject(value)
    ? Object.entries(value).map(([name, item]) => [
        memberName(schema, name),
        item,
        partOf(schema, name),
      ])
    : (value as Json[]).map((item, index) => [String(index + 1), item, partOf(schema, null)]);
  if (members.length === 0) return <>{t("form.none")}</>;
  return (
    <>
      <dl className={styles.members}>
        {members.slice(0, MOST).map(([name, item, part], index) => (
          // Two keys can be the same words.
          <div key={index} className={styles.member} data-nested={!isCell(item) || undefined}>
            <dt>{name}</dt>
            <dd>
              <Part value={item} schema={part} depth={depth + 1} />
            </dd>
          </div>
        ))}
      </dl>
      {members.length > MOST && (
        <Text size="sm" c="dimmed">
          {t("json.more", { count: members.length - MOST })}
        </Text>
      )}
    </>
  );
}

type RowsProps = { rows: JsonObject[]; columns: string[]; schema: Schema };

function Rows({ rows, columns, schema }: RowsProps) {
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
                    <Cell value={row[name] ?? null} schema={partOf(schema, name)} />
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

function Cell({ value, schema }: { value: Json; schema: Schema }) {
  const t = useText();
  if (value === null || value === "") return <>–</>;
  if (typeof value === "boolean") return <>{t(value ? "common.yes" : "common.no")}</>;
  if (Array.isArray(value)) {
    if (value.length === 0) return <>–</>;
    const items = partOf(schema, null);
    return value.map((item, index) => (
      // The items of a cell have no key of their own.
      <Fragment key={index}>
        {index > 0 && ", "}
        <Amount schema={items} value={item} />
      </Fragment>
    ));
  }
  if (unitOf(schema, value)) return <Amount schema={schema} value={value} />;
  const text = String(value);
  if (isMoment(text)) return <time dateTime={text}>{cellText(MOMENT, text)}</time>;
  return <>{text}</>;
}

/** A number with its unit, which stay together; the exact number when pointed at. */
function Amount({ schema, value }: { schema: Schema; value: Json }) {
  const unit = unitOf(schema, value);
  const text = scalarText(value, schema);
  if (!unit) return <>{text}</>;
  return (
    <span className={styles.amount} title={exactText({ field: "", type: unit }, value)}>
      {text}
    </span>
  );
}
