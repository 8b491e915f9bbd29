import { Alert, Button, Group, Loader, Skeleton, Stack, Text, Title } from "@mantine/core";
import { keepPreviousData, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus, Upload } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { formQuery, listQuery } from "../api/queries";
import { type Source, sourceOf } from "../api/source";
import type { Column, EntityForm, EntityRecord, Envelope, JsonObject, Page } from "../api/types";
import { useFreshLists } from "../api/useNews";
import { useSession } from "../api/useSession";
import { getLocale, labelText, useText, wordsOf } from "../i18n";
import { RestoreButton } from "../form/restore";
import { isServed } from "../form/values";
import { BulkBar } from "../list/BulkBar";
import { ColumnChooser } from "../list/ColumnChooser";
import { withSchema } from "../list/columns";
import { ExportMenu } from "../list/ExportMenu";
import { FilterBar } from "../list/FilterBar";
import { namedBy } from "../list/filters";
import { ListTable } from "../list/ListTable";
import { type ListSearch, parseListSearch } from "../list/search";
import { SearchBox } from "../list/SearchBox";
import { useListKeys } from "../list/useListKeys";
import { BIN, ViewTabs } from "../list/ViewTabs";
import { type ListLayout, readLayout, writeLayout } from "../preferences/lists";
import { Failed } from "./Failed";
import { isJob, isUnderWay, JOB_PAUSE, JOBS_PAUSE } from "./jobs";

const ImportDialog = lazy(() =>
  import("../list/ImportDialog").then((module) => ({ default: module.ImportDialog })),
);

/** The generated list of any entity; all its state stands in the address. */
export function EntityListPage() {
  const { service = "platform", entity = "" } = useParams({ strict: false });
  const source = sourceOf(service, entity);
  const form = useQuery(formQuery(source));
  if (form.isPending) return <Loader m="xl" />;
  if (form.isError) return <Failed error={form.error} onAgain={() => void form.refetch()} />;
  return <EntityList key={source.data} source={source} form={form.data} />;
}

function EntityList({ source, form }: { source: Source; form: EntityForm }) {
  const t = useText();
  const { user } = useSession();
  useFreshLists(source);
  const search: ListSearch = parseListSearch(useSearch({ strict: false }));
  const go = useNavigate();
  const key = { user: user?.id ?? "", tenant: user?.current_tenant_id ?? "", source: source.data };
  const [layout, setLayout] = useState<ListLayout>(() => readLayout(key));
  const [selected, setSelected] = useState<ReadonlyMap<string, EntityRecord>>(new Map());
  const [trail, setTrail] = useState<readonly string[]>([]);
  const [counting, setCounting] = useState(false);
  const [importing, setImporting] = useState(false);
  const available = form.list.available ?? form.list.columns;
  const views = [...(form.list.views ?? []), ...(layout.views ?? [])];
  const hasBin = Boolean(form.soft_delete && form.permissions.restore);
  const inBin = hasBin && search.bin === true;
  const view = views.find((item) => item.name === search.view);
  const standard = form.list.columns.map((column) => column.field);
  const shown = layout.columns ?? (view?.columns?.length ? view.columns : standard);
  const columns = shown.flatMap((field) => {
    const known = [...form.list.columns, ...available].find((column) => column.field === field);
    return known ? [withSchema(form, known)] : [];
  });
  const sort = search.sort ?? (view?.sort?.length ? view.sort : form.list.sort)?.join(",") ?? "";
  const filter = bothOf(view?.filter ?? {}, search.filter ?? {});
  const filterText = Object.keys(filter).length ? JSON.stringify(filter) : undefined;
  const deleted = inBin ? "only" : undefined;
  const list: UseQueryResult<Envelope<EntityRecord[]>> = useQuery({
    ...listQuery(source, {
      filter: filterText,
      sort,
      search: search.q,
      cursor: search.after,
      expand: expandOf(columns),
      limit: search.size,
      count: counting ? "exact" : "estimated",
      deleted,
      // Asked for only where rows differ in it for everybody: it costs the server a little.
      actions: form.fixed ? "true" : undefined,
    }),
    // Nobody tells of the steps of jobs: their list is looked at while it is shown.
    refetchInterval: ({ state }) =>
      isJob(source) && (state.data?.data.some(isUnderWay) ? JOB_PAUSE : JOBS_PAUSE),
    // Rows that are there must not stand for deleted ones, nor the other way round.
    placeholderData: (rows, query) =>
      query?.queryKey[2].deleted === deleted ? keepPreviousData(rows) : undefined,
  });
  const update = (changes: Partial<ListSearch>, replace = false) => {
    const { after: _, ...kept } = search;
    const next: Record<string, unknown> = { ...kept, ...changes };
    for (const name of Object.keys(next)) if (!next[name]) delete next[name];
    setTrail([]);
    setSelected(new Map());
    void go({ to: source.ui, search: next as never, replace });
  };
  const turn = (after: string | undefined) => {
    const { after: _, ...kept } = search;
    void go({ to: source.ui, search: (after ? { ...kept, after } : kept) as never });
  };
  const keep = (next: ListLayout) => {
    setLayout(next);
    writeLayout(key, next);
  };
  const open = (id: string) => void go({ to: `${source.ui}/${id}` as never });
  // What only the server writes cannot be made by hand, whatever the role allows.
  const isFilled = !isServed(form.ui, form.schema);
  const mayCreate = Boolean(form.permissions.create) && isFilled;
  const given = namedBy(search.filter ?? {}, available);
  const create = () =>
    void go({
      to: `${source.ui}/new` as never,
      search: (Object.keys(given).length ? { given } : {}) as never,
    });
  useListKeys({ onNew: mayCreate ? create : undefined });
  const page = list.data?.meta?.page;
  const filtered = Boolean(search.q || search.filter || search.view);
  const title = labelText(form.label_plural, wordsOf(form.entity));
  return (
    <Stack p={{ base: "md", sm: "lg" }} gap="md">
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={1}>{title}</Title>
          <Count page={page} onExact={() => setCounting(true)} />
        </div>
        <Group gap="xs">
          {form.permissions.import && isFilled && (
            <Button
              variant="default"
              leftSection={<Upload size={16} />}
              onClick={() => setImporting(true)}
            >
              {t("list.import")}
            </Button>
          )}
          {form.permissions.export && (
            <ExportMenu
              source={source}
              query={{ filter: filterText, sort, search: search.q, deleted }}
              fields={columns.map((column) => column.field)}
            />
          )}
          {mayCreate && (
            <Button leftSection={<Plus size={16} />} onClick={create}>
              {t("list.new")}
            </Button>
          )}
        </Group>
      </Group>
      <ViewTabs
        views={views}
        own={layout.views ?? []}
        hasBin={hasBin}
        current={inBin ? BIN : (search.view ?? "all")}
        onPick={(name) => {
          const bin = name === BIN;
          update({ view: bin || name === "all" ? "" : name, bin, filter: {}, sort: "" });
        }}
        onSave={(name) => {
          const saved = { name, label: name, filter, sort: sort.split(","), columns: [...shown] };
          const others = (layout.views ?? []).filter((item) => item.name !== name);
          keep({ ...layout, views: [...others, saved] });
          update({ view: name, filter: {}, sort: "" });
        }}
        onRemove={(name) => {
          keep({ ...layout, views: (layout.views ?? []).filter((item) => item.name !== name) });
          update({ view: "" });
        }}
      />
      <Group gap="sm">
        {form.list.search && (
          <SearchBox value={search.q ?? ""} onSearch={(q) => update({ q }, true)} />
        )}
        <FilterBar
          available={available}
          likely={form.list.filters ?? []}
          filter={search.filter ?? {}}
          onChange={(next) => update({ filter: next })}
        />
        {filtered && (
          <Button variant="subtle" onClick={() => update({ q: "", view: "", filter: {} })}>
            {t("list.clear")}
          </Button>
        )}
        <ColumnChooser
          available={available}
          shown={shown}
          widths={layout.widths ?? {}}
          onChange={(next, widths) => keep({ ...layout, columns: next, widths })}
          onReset={() => keep(layout.views ? { views: layout.views } : {})}
        />
      </Group>
      {list.isError && (
        <Alert color="red" role="alert" title={t("error.failed")}>
          <Text mb="xs">{list.error.message}</Text>
          <Button variant="default" size="xs" onClick={() => void list.refetch()}>
            {t("common.retry")}
          </Button>
        </Alert>
      )}
      {list.isPending && <TableSkeleton />}
      {list.data?.data.length === 0 && (
        <Stack align="center" p="xl" gap="xs">
          <Text fw={600}>
            {t(filtered ? "list.noMatch" : inBin ? "list.binEmpty" : "list.empty")}
          </Text>
          {!filtered && !inBin && (
            <Text c="dimmed">{t(mayCreate ? "list.emptyHint" : "list.emptyServed")}</Text>
          )}
        </Stack>
      )}
      {list.data && list.data.data.length > 0 && (
        <ListTable
          columns={columns}
          widths={layout.widths ?? {}}
          rows={list.data.data}
          listKey={
            list.isPlaceholderData
              ? ""
              : [filterText, sort, search.q, search.after, search.size, deleted].join("\n")
          }
          titleField={form.title_field}
          sort={sort}
          selected={selected}
          onSort={(next) => update({ sort: next })}
          onOpen={open}
          onSelect={(rows, on) => {
            const next = new Map(selected);
            for (const row of rows) on ? next.set(row.id, row) : next.delete(row.id);
            setSelected(next);
          }}
          buttonOf={
            inBin
              ? (record, name) => (
                  <RestoreButton
                    source={source}
                    form={form}
                    ids={[record.id]}
                    label={t("list.restoreRow", { name })}
                    isSmall
                    onDone={() => setSelected(without(record.id))}
                  />
                )
              : undefined
          }
        />
      )}
      {selected.size > 0 && (
        <BulkBar {...{ source, form, selected, inBin }} onClear={() => setSelected(new Map())} />
      )}
      <Group justify="flex-end">
        {search.after && (
          <Button
            variant="default"
            onClick={() => {
              turn(trail.at(-1) || undefined);
              setTrail(trail.slice(0, -1));
            }}
          >
            {trail.length > 0 ? t("list.back") : t("list.previous")}
          </Button>
        )}
        {page?.has_more && page.next_cursor && (
          <Button
            variant="default"
            onClick={() => {
              setTrail([...trail, search.after ?? ""]);
              turn(page.next_cursor ?? undefined);
            }}
          >
            {t("list.next")}
          </Button>
        )}
      </Group>
      <Suspense>
        {importing && <ImportDialog source={source} onClose={() => setImporting(false)} />}
      </Suspense>
    </Stack>
  );
}

function Count({ page, onExact }: { page: Page | undefined; onExact: () => void }) {
  const t = useText();
  if (page?.count === undefined) return null;
  const count = page.count.toLocaleString(getLocale() === "id" ? "id-ID" : "en-GB");
  const rough = page.count_is_estimate;
  return (
    <Group gap="xs">
      <Text c="dimmed" size="sm">
        {t("list.count", { count: `${rough ? "≥ " : ""}${count}` })}
      </Text>
      {rough && (
        <Button variant="subtle" size="compact-xs" onClick={onExact}>
          {t("list.countExact")}
        </Button>
      )}
    </Group>
  );
}

function TableSkeleton() {
  const t = useText();
  return (
    <Stack gap={8} role="status" aria-label={t("common.loading")}>
      {["a", "b", "c", "d", "e", "f", "g", "h"].map((row) => (
        <Skeleton key={row} height={32} />
      ))}
    </Stack>
  );
}

const without =
  (id: string) =>
  (rows: ReadonlyMap<string, EntityRecord>): ReadonlyMap<string, EntityRecord> =>
    new Map([...rows].filter(([key]) => key !== id));

/** A view's condition and the user's own, both of which must hold. */
const bothOf = (view: JsonObject, own: JsonObject): JsonObject =>
  !Object.keys(view).length ? own : !Object.keys(own).length ? view : { _and: [view, own] };

function expandOf(columns: readonly Column[]): string | undefined {
  const names = columns
    .filter((column) => column.type === "relation" || column.field.includes("."))
    .map((column) => column.field.split(".")[0] ?? "");
  return names.length ? [...new Set(names)].join(",") : undefined;
}
