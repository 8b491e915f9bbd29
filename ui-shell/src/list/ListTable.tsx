import { Badge, Table, UnstyledButton } from "@mantine/core";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { Column, EntityRecord } from "../api/types";
import { labelText, wordsOf } from "../i18n";
import { cellText, valueAt } from "./format";

const NUMBERS = new Set(["integer", "decimal", "money", "percent", "rate", "bytes"]);

type Props = {
  columns: readonly Column[];
  rows: readonly EntityRecord[];
  sort: string;
  onSort: (sort: string) => void;
  onOpen: (id: string) => void;
};

/** The rows of a list; a header sorts, a row opens. */
export function ListTable({ columns, rows, sort, onSort, onOpen }: Props) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table highlightOnHover stickyHeader verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Header key={column.field} column={column} sort={sort} onSort={onSort} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((record) => (
            <Table.Tr
              key={record.id}
              tabIndex={0}
              style={{ cursor: "pointer" }}
              onClick={() => onOpen(record.id)}
              onKeyDown={(event) => {
                if (event.key === "Enter") onOpen(record.id);
              }}
            >
              {columns.map((column) => (
                <Table.Td key={column.field} ta={NUMBERS.has(column.type) ? "right" : "left"}>
                  <Cell column={column} record={record} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Header({ column, sort, onSort }: Pick<Props, "sort" | "onSort"> & { column: Column }) {
  const label = labelText(column.label, wordsOf(column.field));
  const ascending = sort === column.field;
  const descending = sort === `-${column.field}`;
  return (
    <Table.Th
      aria-sort={ascending ? "ascending" : descending ? "descending" : "none"}
      ta={NUMBERS.has(column.type) ? "right" : "left"}
    >
      {column.sortable === false ? (
        label
      ) : (
        <UnstyledButton
          fz="sm"
          fw={600}
          onClick={() => onSort(ascending ? `-${column.field}` : column.field)}
        >
          {label} {ascending && <ArrowUp size={12} />}
          {descending && <ArrowDown size={12} />}
        </UnstyledButton>
      )}
    </Table.Th>
  );
}

function Cell({ column, record }: { column: Column; record: EntityRecord }) {
  const text = cellText(column, valueAt(record, column.field));
  if (column.type === "choice" && text) return <Badge variant="default">{text}</Badge>;
  return <span style={{ fontVariantNumeric: "tabular-nums" }}>{text}</span>;
}
