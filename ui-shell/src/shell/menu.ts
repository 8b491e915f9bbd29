import type { MenuNode } from "../api/types";
import { labelText, type TextKey, t, wordsOf } from "../i18n";

export type MenuGroup = { category: string; nodes: MenuNode[] };

export const menuLabel = (node: MenuNode): string => labelText(node.label, wordsOf(node.name));

const order = (left: MenuNode, right: MenuNode): number =>
  (left.sort_order ?? 100) - (right.sort_order ?? 100);

/** Groups the top level by category, in the order that the server gives. */
export function groupMenus(menus: readonly MenuNode[]): MenuGroup[] {
  const groups = new Map<string, MenuNode[]>();
  for (const node of menus) {
    const category = node.category ?? "";
    const nodes = groups.get(category) ?? [];
    nodes.push(node);
    groups.set(category, nodes);
  }
  return [...groups].map(([category, nodes]) => ({ category, nodes }));
}

export const childrenOf = (node: MenuNode): MenuNode[] => [...(node.children ?? [])].sort(order);

/** An item that leads somewhere. */
export type MenuLeaf = {
  node: MenuNode;
  /** Its own icon, else that of the nearest group above it. */
  icon: string | null | undefined;
  /** The names of the groups above it. */
  trail: readonly string[];
};

/** Every item that leads somewhere. */
export function leavesOf(
  menus: readonly MenuNode[],
  trail: readonly string[] = [],
  inherited?: string | null,
): MenuLeaf[] {
  return menus.flatMap((node) => {
    const icon = node.icon ?? inherited;
    const own = node.path && !node.locked ? [{ node, icon, trail }] : [];
    return [...own, ...leavesOf(childrenOf(node), [...trail, menuLabel(node)], icon)];
  });
}

const KNOWN: { [category: string]: TextKey } = {
  MAIN: "nav.main",
  SERVICES: "nav.services",
  ADMINISTRATION: "nav.administration",
};

/** `LENDING` → `Lending`; what is as short as `ISP` stays an abbreviation. */
export function categoryLabel(category: string): string {
  const key = KNOWN[category];
  if (key) return t(key);
  return category.length <= 3 ? category : wordsOf(category.toLowerCase());
}
