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

/** Every item that leads somewhere, with the names of the groups above it. */
export function leavesOf(
  menus: readonly MenuNode[],
  above: readonly string[] = [],
): { node: MenuNode; trail: readonly string[] }[] {
  return menus.flatMap((node) => {
    const own = node.path && !node.locked ? [{ node, trail: above }] : [];
    return [...own, ...leavesOf(childrenOf(node), [...above, menuLabel(node)])];
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
