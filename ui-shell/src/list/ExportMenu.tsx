import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Download } from "lucide-react";
import { type Query, respond } from "../api/client";
import type { Source } from "../api/source";
import { useText } from "../i18n";
import { saveAs } from "./download";

/** The list as a file, with the filter, the search and the order it has now. */
export function ExportMenu({ source, query }: { source: Source; query: Query }) {
  const t = useText();
  async function save(format: string) {
    try {
      const response = await respond("GET", `${source.data}/export`, { query: { ...query, format } });
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
        {["xlsx", "csv", "jsonl"].map((format) => (
          <Menu.Item key={format} onClick={() => void save(format)}>
            {t("list.exportAs", { format: format.toUpperCase() })}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
