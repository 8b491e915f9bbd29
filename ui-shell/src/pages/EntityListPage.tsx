import { Alert, Button, Group, Loader, Stack, Tabs, Text, TextInput, Title } from "@mantine/core";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Download, Plus, Search } from "lucide-react";
import { useState } from "react";
import { respond } from "../api/client";
import { formQuery, listQuery } from "../api/queries";
import { type Source, sourceOf } from "../api/source";
import type { Column, EntityForm, EntityRecord, Envelope, JsonObject } from "../api/types";
import { labelText, useText, wordsOf } from "../i18n";
import { FilterChip } from "../list/FilterChip";
import { ListTable } from "../list/ListTable";
import { type ListSearch, parseListSearch } from "../list/search";

/** The generated list of any entity; all its state stands in the address. */
export function EntityListPage() {
  const { service = "platform", entity = "" } = useParams({ strict: false });
  const source = sourceOf(service, entity);
  const form = useQuery(formQuery(source));
  if (form.isPending) return <Loader m="xl" />;
  if (form.isError)
    return (
      <Alert m="lg" color="red">
        {form.error.message}
      </Alert>
    );
  return <EntityList key={source.data} source={source} form={form.data} />;
}

function EntityList({ source, form }: { source: Source; form: EntityForm }) {
  const t = useText();
  const search: ListSearch = parseListSearch(useSearch({ strict: false }));
  const go = useNavigate();
  const view = form.list.views?.find((item) => item.name === search.view);
  const columns = form.list.columns;
  const sort = search.sort ?? (view?.sort?.length ? view.sort : form.list.sort)?.join(",") ?? "";
  const filter: JsonObject = { ...view?.filter, ...search.filter };
  const list: UseQueryResult<Envelope<EntityRecord[]>> = useQuery(
    listQuery(source, {
      filter: Object.keys(filter).length ? JSON.stringify(filter) : undefined,
      sort,
      search: search.q,
      cursor: search.after,
      expand: expandOf(columns),
      limit: search.size,
      count: "estimated",
    }),
  );
  const update = (changes: Partial<ListSearch>) => {
    const { after: _, ...kept } = search;
    const next: Record<string, unknown> = { ...kept, ...changes };
    for (const name of Object.keys(next)) if (!next[name]) delete next[name];
    void go({ to: source.ui, search: next as never });
  };
  const page = list.data?.meta?.page;
  const filtered = Boolean(search.q || search.filter || search.view);
  return (
    <Stack p="lg" gap="md">
      <Group justify="space-between">
        <div>
          <Title order={1} size="h2">
            {labelText(form.label_plural, wordsOf(form.entity))}
          </Title>
          {page?.count !== undefined && (
            <Text c="dimmed" size="sm">
              {t("list.count", { count: `${page.count_is_estimate ? "≥ " : ""}${page.count}` })}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {form.permissions.export && (
            <Button
              variant="default"
              leftSection={<Download size={16} />}
              onClick={() => void download(source, filter, sort)}
            >
              {t("list.export")}
            </Button>
          )}
          {form.permissions.create && (
            <Button
              leftSection={<Plus size={16} />}
              onClick={() => void go({ to: `${source.ui}/new` as never })}
            >
              {t("list.new")}
            </Button>
          )}
        </Group>
      </Group>
      {Boolean(form.list.views?.length) && (
        <Tabs
          value={search.view ?? "all"}
          onChange={(name) => update({ view: name === "all" ? "" : (name ?? "") })}
        >
          <Tabs.List>
            <Tabs.Tab value="all">{t("list.all")}</Tabs.Tab>
            {form.list.views?.map((item) => (
              <Tabs.Tab key={item.name} value={item.name}>
                {labelText(item.label, item.name)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      )}
      <Group gap="sm">
        {form.list.search && <SearchBox value={search.q ?? ""} onSearch={(q) => update({ q })} />}
        {(form.list.filters ?? []).map((name) => (
          <FilterChip
            key={name}
            column={columnOf(form, name)}
            filter={search.filter ?? {}}
            onChange={(next) => update({ filter: next })}
          />
        ))}
        {filtered && (
          <Button variant="subtle" onClick={() => update({ q: "", view: "", filter: {} })}>
            {t("list.clear")}
          </Button>
        )}
      </Group>
      {list.isError && (
        <Alert color="red" role="alert">
          {list.error.message}
        </Alert>
      )}
      {list.isPending && <Loader />}
      {list.data && list.data.data.length === 0 && (
        <Stack align="center" p="xl" gap="xs">
          <Text fw={600}>{filtered ? t("list.noMatch") : t("list.empty")}</Text>
          {!filtered && form.permissions.create && <Text c="dimmed">{t("list.emptyHint")}</Text>}
        </Stack>
      )}
      {list.data && list.data.data.length > 0 && (
        <ListTable
          columns={columns}
          rows={list.data.data}
          sort={sort}
          onSort={(next) => update({ sort: next })}
          onOpen={(id) => void go({ to: `${source.ui}/${id}` as never })}
        />
      )}
      <Group justify="flex-end">
        {search.after && (
          <Button variant="default" onClick={() => update({})}>
            {t("list.previous")}
          </Button>
        )}
        {page?.has_more && page.next_cursor && (
          <Button
            variant="default"
            onClick={() =>
              void go({ to: source.ui, search: { ...search, after: page.next_cursor } as never })
            }
          >
            {t("list.next")}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function SearchBox({ value, onSearch }: { value: string; onSearch: (text: string) => void }) {
  const t = useText();
  const [text, setText] = useState(value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(text.trim());
      }}
    >
      <TextInput
        type="search"
        aria-label={t("list.search")}
        placeholder={t("list.search")}
        leftSection={<Search size={16} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}

const columnOf = (form: EntityForm, name: string): Column | undefined =>
  form.list.available?.find((column) => column.field === name);

function expandOf(columns: readonly Column[]): string | undefined {
  const names = columns
    .filter((column) => column.type === "relation" || column.field.includes("."))
    .map((column) => column.field.split(".")[0] ?? "");
  return names.length ? [...new Set(names)].join(",") : undefined;
}

async function download(source: Source, filter: JsonObject, sort: string): Promise<void> {
  const response = await respond("GET", `${source.data}/export`, {
    query: {
      format: "xlsx",
      sort,
      filter: Object.keys(filter).length ? JSON.stringify(filter) : undefined,
    },
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `${source.entity}.xlsx`;
  link.click();
  URL.revokeObjectURL(link.href);
}
