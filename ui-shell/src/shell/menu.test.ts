import { expect, test } from "vitest";
import type { MenuNode } from "../api/types";
import { groupMenus, leavesOf } from "./menu";

const leaf = (id: string, more: Partial<MenuNode> = {}): MenuNode =>
  ({ id, name: id, path: `/s/net/${id}`, ...more }) as MenuNode;
const group = (id: string, children: MenuNode[], more: Partial<MenuNode> = {}): MenuNode =>
  ({ id, name: id, children, ...more }) as MenuNode;

test("a group leads nowhere, its items do, in their order and with its name", () => {
  const menu = group("network", [
    leaf("pools", { sort_order: 20 }),
    leaf("routers", { sort_order: 10 }),
    leaf("later", { locked: true }),
  ]);
  expect(leavesOf([menu]).map(({ node, trail }) => [node.id, trail])).toEqual([
    ["routers", ["Network"]],
    ["pools", ["Network"]],
  ]);
});

test("an item without an icon has that of the nearest group above it", () => {
  const inner = group("inner", [leaf("a"), leaf("b", { icon: "zap" })]);
  const menu = group("outer", [inner, group("own", [leaf("c")], { icon: "users" })], {
    icon: "router",
  });
  expect(leavesOf([menu, leaf("d")]).map(({ icon }) => icon)).toEqual([
    "router",
    "zap",
    "users",
    undefined,
  ]);
});

test("groups have the order in which their categories come first", () => {
  const menus = [
    leaf("a", { category: "ISP" }),
    leaf("b", { category: "SERVICES" }),
    leaf("c", { category: "ISP" }),
  ];
  expect(groupMenus(menus).map(({ category, nodes }) => [category, nodes.length])).toEqual([
    ["ISP", 2],
    ["SERVICES", 1],
  ]);
});
