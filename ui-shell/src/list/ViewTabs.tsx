import { Button, Group, Popover, Tabs, TextInput } from "@mantine/core";
import { useState } from "react";
import type { View } from "../api/types";
import { labelText, useText } from "../i18n";

type Props = {
  views: readonly View[];
  own: readonly View[];
  current: string;
  /** Whether deleted records are kept, and may be seen here. */
  hasBin: boolean;
  onPick: (name: string) => void;
  onSave: (name: string) => void;
  onRemove: (name: string) => void;
};

/** The tab of what is deleted. Names of views are trimmed, so that none is this one. */
export const BIN = " bin";

/** The views of a list: those of its definition, those this user saved, then the bin. */
export function ViewTabs(props: Props) {
  const { views, own, current, hasBin, onPick, onSave, onRemove } = props;
  const t = useText();
  const [asking, setAsking] = useState(false);
  const [name, setName] = useState("");
  const tabs: View[] = [
    { name: "all", label: t("list.all") },
    ...views,
    ...(hasBin ? [{ name: BIN, label: t("list.bin") }] : []),
  ];
  const taken = views.some((view) => view.name === name.trim() && !own.includes(view));
  return (
    <Group justify="space-between" gap="xs">
      <Tabs value={current} onChange={(value) => onPick(value ?? "all")}>
        <Tabs.List aria-label={t("list.views")}>
          {tabs.map((view) => (
            <Tabs.Tab key={view.name} value={view.name} aria-controls={undefined}>
              {labelText(view.label, view.name)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <Group gap={4}>
        {own.some((view) => view.name === current) && (
          <Button variant="subtle" size="xs" onClick={() => onRemove(current)}>
            {t("list.viewRemove")}
          </Button>
        )}
        <Popover opened={asking} onChange={setAsking} trapFocus position="bottom-end">
          <Popover.Target>
            <Button
              variant="subtle"
              size="xs"
              display={current === BIN ? "none" : undefined}
              onClick={() => setAsking(!asking)}
            >
              {t("list.viewSave")}
            </Button>
          </Popover.Target>
          <Popover.Dropdown>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                if (!name.trim() || taken || name.trim() === "all") return;
                onSave(name.trim());
                setAsking(false);
              }}
            >
              <Group align="flex-end" gap="xs">
                <TextInput
                  label={t("list.viewName")}
                  value={name}
                  error={taken && t("list.viewTaken")}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
                <Button type="submit">{t("common.save")}</Button>
              </Group>
            </form>
          </Popover.Dropdown>
        </Popover>
      </Group>
    </Group>
  );
}
