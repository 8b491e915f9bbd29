import { Tooltip } from "@mantine/core";
import { Link, useRouterState } from "@tanstack/react-router";
import { ChevronRight, Lock } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { MenuNode } from "../api/types";
import { useText } from "../i18n";
import { NamedIcon } from "./icons";
import { categoryLabel, childrenOf, groupMenus, menuLabel } from "./menu";
import styles from "./SideNav.module.css";

type Props = { menus: readonly MenuNode[]; collapsed: boolean; loading: boolean };

/** The menu of this user: groups by category, items with up to three levels. */
export function SideNav({ menus, collapsed, loading }: Props) {
  const t = useText();
  const nav = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // A menu longer than the window begins at its top, wherever the page is.
  useEffect(() => {
    nav.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" });
  }, [path, menus.length]);
  const home: MenuNode = {
    id: "home",
    name: "home",
    label: t("nav.home"),
    icon: "home",
    path: "/",
  };
  return (
    <nav
      ref={nav}
      className={styles.nav}
      aria-label={t("nav.label")}
      data-collapsed={collapsed || undefined}
    >
      <div className={styles.brand}>
        <img src="/assets/mark.svg" width={24} height={24} alt="" />
        {!collapsed && <span>Rangka</span>}
      </div>
      {!menus.some((node) => node.path === "/") && (
        <ul className={styles.list}>
          <Item node={home} depth={0} collapsed={collapsed} exact />
        </ul>
      )}
      {loading && <div className={styles.loading} aria-hidden="true" />}
      {groupMenus(menus).map((group) => (
        <div key={group.category} className={styles.group}>
          {!collapsed && group.category && (
            <h2 className={styles.heading}>{categoryLabel(group.category)}</h2>
          )}
          <ul className={styles.list}>
            {group.nodes.map((node) => (
              <Item key={node.id} node={node} depth={0} collapsed={collapsed} exact={node.path === "/"} />
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

type ItemProps = { node: MenuNode; depth: number; collapsed: boolean; exact?: boolean };

function Item({ node, depth, collapsed, exact = false }: ItemProps) {
  const t = useText();
  const [open, setOpen] = useState(true);
  const label = menuLabel(node);
  const children = childrenOf(node);
  const inside = (
    <>
      {depth === 0 && <NamedIcon name={node.icon} />}
      {!collapsed && <span className={styles.text}>{label}</span>}
      {!collapsed && node.locked && <Lock size={13} aria-label={t("nav.locked")} />}
    </>
  );
  return (
    <li>
      {node.path && !node.locked ? (
        <Tooltip label={label} position="right" disabled={!collapsed}>
          <Target
            path={node.path}
            depth={depth}
            exact={exact}
            label={collapsed ? label : undefined}
          >
            {inside}
          </Target>
        </Tooltip>
      ) : children.length > 0 ? (
        <button
          type="button"
          className={styles.item}
          data-depth={depth}
          aria-expanded={open}
          aria-label={collapsed ? label : undefined}
          onClick={() => setOpen(!open)}
        >
          {inside}
          {!collapsed && (
            <ChevronRight className={styles.chevron} data-open={open || undefined} size={14} />
          )}
        </button>
      ) : (
        <span className={styles.item} data-depth={depth} data-locked>
          {inside}
        </span>
      )}
      {children.length > 0 && open && !collapsed && (
        <ul className={styles.list}>
          {children.map((child) => (
            <Item key={child.id} node={child} depth={depth + 1} collapsed={collapsed} />
          ))}
        </ul>
      )}
    </li>
  );
}

type TargetProps = {
  path: string;
  depth: number;
  exact: boolean;
  label?: string | undefined;
  children: React.ReactNode;
  ref?: React.Ref<HTMLAnchorElement>;
};

function Target({ path, depth, exact, label, children, ref }: TargetProps) {
  if (/^https?:/.test(path)) {
    return (
      <a
        ref={ref}
        className={styles.item}
        href={path}
        target="_blank"
        rel="noreferrer"
        aria-label={label}
      >
        {children}
      </a>
    );
  }
  const [pathname = "/", query = ""] = path.split("?");
  const search = Object.fromEntries(new URLSearchParams(query));
  return (
    <Link
      ref={ref}
      to={pathname}
      search={search}
      className={styles.item}
      data-depth={depth}
      aria-label={label}
      activeOptions={{ exact, includeSearch: query !== "" }}
      activeProps={{ "aria-current": "page" }}
    >
      {children}
    </Link>
  );
}
