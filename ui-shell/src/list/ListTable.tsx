import { Table, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { KeyboardEvent, ReactNode } from "react";
import type { Column, EntityRecord } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { isSentence } from "../json/shapes";
import { Sentence } from "../sentence/Sentence";
import { nextSort } from "./filters";
import { cellText, exactText, valueAt } from "./format";
import styles from "./List.module.css";
import { Status } from "./Status";
import { useFreshRows } from "./useFreshRows";

const NUMBERS = new Set(["integer", "decimal", "money", "percent", "rate", "bytes"]);

type Props = {
  columns: readonly Column[];
  widths: { [field: string]: number };
  rows: readonly EntityRecord[];
  /** Which list the rows are of; those of another one are not marked as changed. */
  listKey: string;
  titleField: string;
  sort: string;
  selected: ReadonlyMap<string, EntityRecord>;
  onSort: (sort: string) => void;
  onOpen: (id: string) => void;
  onSelect: (rows: readonly EntityRecord[], on: boolean) => void;
  /** A button at the end of each row. */
  buttonOf?: ((record: EntityRecord, name: string) => ReactNode) | undefined;
};

/** The rows of a list: a header sorts (shift adds a key), a row opens, a box selects. */
export function ListTable(props: Props) {
  const { columns, widths, rows, titleField, sort, selected, onSort, onOpen, onSelect, buttonOf } =
    props;
  const t = useText();
  const fresh = useFreshRows(rows, props.listKey);
  const all = rows.every((record) => selected.has(record.id));
  const nameOf = (record: EntityRecord) => String(record[titleField] ?? record.id);
  const onKeys = (event: KeyboardEvent<HTMLTableRowElement>, record: EntityRecord) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter") onOpen(record.id);
    if (event.key === "x" || event.key === " ") {
      event.preventDefault();
      onSelect([record], !selected.has(record.id));
    }
  };
  return (
    <Table.ScrollContainer
      minWidth={640}
      classNames={{ scrollContainerInner: styles.inner ?? "" }}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
    >
      <Table highlightOnHover className={styles.table}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th className={styles.check}>
              <input
                type="checkbox"
                aria-label={t("list.selectAll")}
                checked={all}
                onChange={() => onSelect(rows, !all)}
              />
            </Table.Th>
            {columns.map((column) => (
              <Header key={column.field} {...{ column, sort, onSort }} width={widths[column.field]} />
            ))}
            {buttonOf && (
              <Table.Th>
                <VisuallyHidden>{t("common.actions")}</VisuallyHidden>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((record) => (
            <Table.Tr
              key={record.id}
              data-row
              data-fresh={fresh.has(record.id) || undefined}
              data-selected={selected.has(record.id) || undefined}
              tabIndex={0}
              style={{ cursor: "pointer" }}
              onClick={() => onOpen(record.id)}
              onKeyDown={(event) => onKeys(event, record)}
            >
              <Table.Td className={styles.check} onClick={(event) => event.stopPropagation()}>
                <input
                  type="checkbox"
                  aria-label={t("list.selectRow", { name: nameOf(record) })}
                  checked={selected.has(record.id)}
                  onChange={(event) => onSelect([record], event.currentTarget.checked)}
                />
              </Table.Td>
              {columns.map((column) => (
                <Table.Td
                  key={column.field}
                  data-label={labelText(column.label, wordsOf(column.field))}
                  data-title={column.field === titleField || undefined}
                  data-empty={cellText(column, valueAt(record, column.field)) === "" || undefined}
                  ta={NUMBERS.has(column.type) ? "right" : "left"}
                  maw={widths[column.field]}
                  fw={column.field === titleField ? 500 : undefined}
                >
                  <Cell column={column} record={record} />
                </Table.Td>
              ))}
              {buttonOf && (
                <Table.Td ta="right" onClick={(event) => event.stopPropagation()}>
                  {buttonOf(record, nameOf(record))}
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

type HeaderProps = Pick<Props, "sort" | "onSort"> & { column: Column; width: number | undefined };

function Header({ column, sort, width, onSort }: HeaderProps) {
  const label = labelText(column.label, wordsOf(column.field));
  const keys = sort ? sort.split(",") : [];
  const at = keys.findIndex((key) => key.replace(/^-/, "") === column.field);
  const direction = at < 0 ? "none" : keys[at]?.startsWith("-") ? "descending" : "ascending";
  return (
    <Table.Th aria-sort={direction} w={width} ta={NUMBERS.has(column.type) ? "right" : "left"}>
      {column.sortable === false ? (
        label
      ) : (
        <UnstyledButton
          fz="sm"
          fw={500}
          onClick={(event) => onSort(nextSort(sort, column.field, event.shiftKey))}
        >
          {label} {direction === "ascending" && <ArrowUp size={12} />}
          {direction === "descending" && <ArrowDown size={12} />}
          {at >= 0 && keys.length > 1 && <span className={styles.order}>{at + 1}</span>}
        </UnstyledButton>
      )}
    </Table.Th>
  );
}

function Cell({ column, record }: { column: Column; record: EntityRecord }) {
  const value = valueAt(record, column.field);
  const text = cellText(column, value);
  if (column.type === "choice" && text) return <Status column={column} value={value} />;
  if (isSentence(column.schema) && text) return <Sentence text={text} />;
  return (
    <span title={exactText(column, value)} style={{ fontVariantNumeric: "tabular-nums" }}>
      {text || "–"}
    </span>
  );
}
