import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Download } from "lucide-react";
import { type Query, respond } from "../api/client";
import type { Source } from "../api/source";
import { getLocale, useText } from "../i18n";
import { saveAs } from "./download";

type Props = { source: Source; query: Query; fields: readonly string[] };
type Kind = { format: string; isWhole: boolean };

/** Sheets hold the columns that are shown; JSONL is for programs, which take it all. */
const KINDS: readonly Kind[] = [
  { format: "xlsx", isWhole: false },
  { format: "csv", isWhole: false },
  { format: "csv", isWhole: true },
  { format: "jsonl", isWhole: true },
];

/** The list as a file, with the filter, the search and the order it has now. */
export function ExportMenu({ source, query, fields }: Props) {
  const t = useText();
  async function save({ format, isWhole }: Kind) {
    try {
      const response = await respond("GET", `${source.data}/export`, {
        query: { ...query, format, fields: isWhole ? undefined : fields.join(",") },
        // A workbook is read by the person who looks at this page.
        headers: { "Accept-Language": getLocale() },
      });
      saveAs(await response.blob(), `${source.entity}.${format}`);
    } catch (error) {
      notifications.show({ color: "red", message: error instanceof Error ? error.message : "" });
    }
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<Download size={16} />}>
          {t("list.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {KINDS.map((kind) => (
          <Menu.Item key={`${kind.format} ${kind.isWhole}`} onClick={() => void save(kind)}>
            {t(kind.isWhole && kind.format === "csv" ? "list.exportAll" : "list.exportAs", {
              format: kind.format.toUpperCase(),
            })}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
