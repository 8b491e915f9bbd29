import { Alert, Anchor, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { menusQuery } from "../api/queries";
import type { Label, MenuNode } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import type { ServiceDefinition } from "./definition";

type Props = { name: string; version: number; of: ServiceDefinition };

const pathsOf = (nodes: readonly MenuNode[]): string[] =>
  nodes.flatMap((node) => [
    ...(node.path && !node.locked ? [node.path.split("?", 1)[0] ?? ""] : []),
    ...pathsOf(node.children ?? []),
  ]);

/** What to do next: a published service is of use once a tenant has it. */
export function Published({ name, version, of }: Props) {
  const t = useText();
  const menus = useQuery(menusQuery()).data?.menus ?? [];
  // A list opens only where the current tenant has the service: then it is in the menu.
  const paths = new Set(pathsOf(menus));
  const open = of.entities.filter((entity) => paths.has(`/s/${name}/${entity.name}`));
  return (
    <Alert color="green" role="status" title={t("console.published", { version })}>
      <Group gap="md">
        <Anchor
          renderRoot={(props) => (
            <Link
              to="/console/services/$name"
              params={{ name }}
              search={{ tab: "tenants" }}
              {...props}
            />
          )}
        >
          {t("console.assignTenants")}
        </Anchor>
        {open.map((entity) => (
          <Anchor
            key={entity.id}
            renderRoot={(props) => (
              <Link
                to="/s/$service/$entity"
                params={{ service: name, entity: entity.name }}
                {...props}
              />
            )}
          >
            {t("console.openList", {
              name: labelText(entity.label as Label | undefined, wordsOf(entity.name)),
            })}
          </Anchor>
        ))}
      </Group>
    </Alert>
  );
}
