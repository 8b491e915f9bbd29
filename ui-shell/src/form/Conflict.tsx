import { Button, Modal, SegmentedControl, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import type { EntityForm, EntityRecord, Json, JsonObject } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { columnOf } from "../list/columns";
import { ValueText } from "./ValueText";

type Props = {
  form: EntityForm;
  mine: JsonObject;
  theirs: EntityRecord;
  onChoose: (choice: JsonObject) => void;
  onClose: () => void;
};

/** Two versions of a record side by side; for each field one of them is kept. */
export function Conflict({ form, mine, theirs, onChoose, onClose }: Props) {
  const t = useText();
  const differing = Object.keys(mine).filter(
    (name) => JSON.stringify(mine[name] ?? null) !== JSON.stringify(theirs[name] ?? null),
  );
  const [taken, setTaken] = useState<{ [field: string]: boolean }>({});
  const column = (name: string) => columnOf(form, name);
  const choice = (): JsonObject =>
    Object.fromEntries(
      differing.filter((name) => !taken[name]).map((name): [string, Json] => [name, mine[name] ?? null]),
    );
  return (
    <Modal
      opened
      size="xl"
      onClose={onClose}
      title={t("form.conflictTitle")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Text>{t("form.conflictHint")}</Text>
        <Table.ScrollContainer minWidth={480}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("list.field")}</Table.Th>
                <Table.Th>{t("form.mine")}</Table.Th>
                <Table.Th>{t("form.theirs")}</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {differing.map((name) => (
                <Table.Tr key={name}>
                  <Table.Td>{labelText(column(name)?.label, wordsOf(name))}</Table.Td>
                  <Table.Td>
                    <ValueText column={column(name)} value={mine[name] ?? null} />
                  </Table.Td>
                  <Table.Td>
                    <ValueText column={column(name)} value={theirs[name] ?? null} />
                  </Table.Td>
                  <Table.Td>
                    <SegmentedControl
                      size="xs"
                      aria-label={labelText(column(name)?.label, wordsOf(name))}
                      value={taken[name] ? "theirs" : "mine"}
                      data={[
                        { value: "mine", label: t("form.mine") },
                        { value: "theirs", label: t("form.theirs") },
                      ]}
                      onChange={(side) => setTaken({ ...taken, [name]: side === "theirs" })}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Button onClick={() => onChoose(choice())}>{t("form.conflictApply")}</Button>
      </Stack>
    </Modal>
  );
}
