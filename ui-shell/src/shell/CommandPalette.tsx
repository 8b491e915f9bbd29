import { Modal, useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useId, useState } from "react";
import { queryClient } from "../api/queries";
import { type Session, switchTenant } from "../api/session";
import type { MenuNode } from "../api/types";
import { type Translate, useText } from "../i18n";
import styles from "./CommandPalette.module.css";
import { NamedIcon } from "./icons";
import { leavesOf, menuLabel } from "./menu";

type Command = { id: string; title: string; hint: string; icon: ReactNode; run: () => void };

type Props = {
  menus: readonly MenuNode[];
  session: Extract<Session, { status: "signed-in" }>;
  onClose: () => void;
};

function matches(command: Command, words: readonly string[]): boolean {
  const text = `${command.title} ${command.hint}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function useCommands(
  menus: readonly MenuNode[],
  session: Props["session"],
  t: Translate,
): Command[] {
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const leaves = leavesOf(menus);
  const go = leaves.map(
    ({ node, icon, trail }): Command => ({
      id: `go-${node.id}`,
      title: menuLabel(node),
      hint: [...trail, t("palette.go")].join(" · "),
      icon: <NamedIcon name={icon} />,
      run: () => void navigate({ href: node.path ?? "/" }),
    }),
  );
  const create = leaves
    .filter(({ node }) => /^\/(s\/[^/]+\/[^/?]+|admin\/(?!services)[^/?]+)$/.test(node.path ?? ""))
    .map(
      ({ node, icon }): Command => ({
        id: `new-${node.id}`,
        title: t("palette.new", { name: menuLabel(node) }),
        hint: t("palette.create"),
        icon: <NamedIcon name={icon} />,
        run: () => void navigate({ href: `${node.path}/new` }),
      }),
    );
  const tenants = session.tenants
    .filter(({ id }) => id !== session.user.current_tenant_id)
    .map(
      ({ id, name }): Command => ({
        id: `tenant-${id}`,
        title: name,
        hint: t("palette.tenant"),
        icon: <NamedIcon name="building" />,
        run: () =>
          void (async () => {
            await navigate({ to: "/" });
            await switchTenant(id);
            await queryClient.resetQueries();
          })(),
      }),
    );
  const schemes = (["light", "dark", "auto"] as const).map(
    (scheme): Command => ({
      id: `theme-${scheme}`,
      title: t(`user.theme.${scheme}`),
      hint: t("user.theme"),
      icon: <NamedIcon name="settings" />,
      run: () => setColorScheme(scheme),
    }),
  );
  return [...go, ...create, ...tenants, ...schemes];
}

/** Go to a page, create a record, change the tenant: by typing a part of its name. */
export function CommandPalette({ menus, session, onClose }: Props) {
  const t = useText();
  const listId = useId();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = useCommands(menus, session, t)
    .filter((command) => matches(command, words))
    .slice(0, 40);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) {
      event.preventDefault();
      const next = (active + step + found.length) % found.length;
      setActive(next);
      document.getElementById(`${listId}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[active]);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={560}
      yOffset="12vh"
      centered={false}
      aria-label={t("palette.open")}
    >
      <input
        className={styles.input}
        role="combobox"
        aria-label={t("palette.hint")}
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={found.length > 0 ? `${listId}-${active}` : undefined}
        autoComplete="off"
        placeholder={t("palette.hint")}
        data-autofocus
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={listId} role="listbox" aria-label={t("palette.open")} className={styles.list}>
        {found.map((command, index) => (
          <div
            key={command.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            className={styles.option}
            onClick={() => run(command)}
            onMouseMove={() => setActive(index)}
          >
            {command.icon}
            <span className={styles.title}>{command.title}</span>
            <span className={styles.hint}>{command.hint}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className={styles.none}>{t("palette.nothing")}</p>}
    </Modal>
  );
}
