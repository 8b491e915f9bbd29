import type { MenuNode, User } from "../api/types";
import { labelText, t, wordsOf } from "../i18n";

export type MenuGroup = { category: string; nodes: MenuNode[] };

export const menuLabel = (node: MenuNode): string => labelText(node.label, wordsOf(node.name));

const order = (left: MenuNode, right: MenuNode): number =>
  (left.sort_order ?? 100) - (right.sort_order ?? 100);

/** Groups the top level by category, in the order in which categories first appear. */
export function groupMenus(menus: readonly MenuNode[]): MenuGroup[] {
  const groups = new Map<string, MenuNode[]>();
  for (const node of [...menus].sort(order)) {
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

const OWN_PAGES: readonly {
  name: string;
  icon: string;
  key: "nav.tenants" | "nav.users" | "nav.roles" | "nav.services";
}[] = [
  { name: "services", icon: "boxes", key: "nav.services" },
  { name: "tenants", icon: "building", key: "nav.tenants" },
  { name: "users", icon: "users", key: "nav.users" },
  { name: "roles", icon: "shield", key: "nav.roles" },
];

/** Adds the administration pages a user may open and the server's menu does not name. */
export function withOwnPages(menus: readonly MenuNode[], user: User): MenuNode[] {
  const paths = new Set(leavesOf(menus).map(({ node }) => node.path));
  const may = (name: string): boolean =>
    user.permissions.some((pattern) => {
      const [resource = "", action = "*"] = pattern.split(":");
      const resourceFits = ["*", "system", name.replace(/s$/, ""), name].includes(resource);
      return resourceFits && ["*", "read", "view", "manage"].includes(action);
    });
  const own = OWN_PAGES.filter(
    ({ name }) => may(name) && !paths.has(`/admin/${name}`) && !paths.has(`/console/${name}`),
  ).map(
    ({ name, icon, key }, index): MenuNode => ({
      id: `own-${name}`,
      name,
      label: t(key),
      icon,
      path: `/admin/${name}`,
      category: "ADMINISTRATION",
      sort_order: 9000 + index,
    }),
  );
  return [...menus, ...own];
}
