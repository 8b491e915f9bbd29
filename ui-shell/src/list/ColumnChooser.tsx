import { ActionIcon, Button, Checkbox, Group, NativeSelect, Popover, ScrollArea, Stack } from "@mantine/core";
import { ArrowDown, ArrowUp, Columns3 } from "lucide-react";
import type { Column } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";

type Props = {
  available: readonly Column[];
  shown: readonly string[];
  widths: { [field: string]: number };
  onChange: (shown: string[], widths: { [field: string]: number }) => void;
  onReset: () => void;
};

/** Which columns stand in the list, in which order and how wide. */
export function ColumnChooser({ available, shown, widths, onChange, onReset }: Props) {
  const t = useText();
  const nameOf = (field: string) =>
    labelText(available.find((item) => item.field === field)?.label, wordsOf(field));
  const rest = available.map((item) => item.field).filter((field) => !shown.includes(field));
  const move = (at: number, by: number) => {
    const next = [...shown];
    const [field] = next.splice(at, 1);
    if (field) next.splice(at + by, 0, field);
    onChange(next, widths);
  };
  return (
    <Popover trapFocus position="bottom-start">
      <Popover.Target>
        <Button variant="default" leftSection={<Columns3 size={16} />}>
          {t("list.columns")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <ScrollArea.Autosize mah={380}>
          <Stack gap={6} miw={320} pr="sm">
            {shown.map((field, at) => (
              <Group key={field} gap={4} wrap="nowrap">
                <Checkbox
                  flex={1}
                  size="sm"
                  label={nameOf(field)}
                  checked
                  disabled={shown.length === 1}
                  onChange={() => onChange(shown.filter((item) => item !== field), widths)}
                />
                <NativeSelect
                  size="xs"
                  w={92}
                  aria-label={t("list.width", { name: nameOf(field) })}
                  value={String(widths[field] ?? "")}
                  data={[
                    { value: "", label: t("list.widthAuto") },
                    ...["80", "120", "180", "240", "320"].map((px) => ({ value: px, label: `${px} px` })),
                  ]}
                  onChange={(event) => {
                    const { [field]: _, ...others } = widths;
                    const width = Number(event.currentTarget.value);
                    onChange([...shown], width ? { ...others, [field]: width } : others);
                  }}
                />
                <ActionIcon
                  variant="subtle"
                  disabled={at === 0}
                  aria-label={t("list.moveUp", { name: nameOf(field) })}
                  onClick={() => move(at, -1)}
                >
                  <ArrowUp size={14} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  disabled={at === shown.length - 1}
                  aria-label={t("list.moveDown", { name: nameOf(field) })}
                  onClick={() => move(at, 1)}
                >
                  <ArrowDown size={14} />
                </ActionIcon>
              </Group>
            ))}
            {rest.map((field) => (
              <Checkbox
                key={field}
                size="sm"
                label={nameOf(field)}
                checked={false}
                onChange={() => onChange([...shown, field], widths)}
              />
            ))}
            <Button variant="subtle" size="xs" onClick={onReset}>
              {t("list.columnsReset")}
            </Button>
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}
