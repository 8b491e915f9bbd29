import { Alert, Loader, Stack, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { post } from "../api/client";
import { formQuery, refreshRecords } from "../api/queries";
import { sourceOf } from "../api/source";
import type { EntityRecord } from "../api/types";
import { RecordForm } from "../form/RecordForm";
import { isServed } from "../form/values";
import { labelText, useText, wordsOf } from "../i18n";
import { parseNewSearch } from "../list/search";

/** A new record of any entity. */
export function NewRecordPage() {
  const t = useText();
  const go = useNavigate();
  const { service = "platform", entity = "" } = useParams({ strict: false });
  const { given } = parseNewSearch(useSearch({ strict: false }));
  const source = sourceOf(service, entity);
  const form = useQuery(formQuery(source));
  if (form.isPending) return <Loader m="xl" />;
  if (form.isError)
    return (
      <Alert m="lg" color="red">
        {form.error.message}
      </Alert>
    );
  // What only the server writes cannot be made by hand, whatever the role allows.
  const mayCreate = form.data.permissions.create && !isServed(form.data.ui, form.data.schema);
  return (
    <Stack p="lg" gap="md" maw={800}>
      <div>
        <Link to={source.ui as never}>{labelText(form.data.label_plural, wordsOf(entity))}</Link>
        <Title order={1} size="h2">
          {`${t("list.new")}: ${labelText(form.data.label, wordsOf(entity))}`}
        </Title>
      </div>
      {mayCreate ? (
        <RecordForm
          form={form.data}
          record={null}
          readOnly={false}
          given={given}
          onSave={async (body) => {
            const made = await post<EntityRecord>(source.data, body);
            await refreshRecords(source);
            return () => void go({ to: `${source.ui}/${made.data.id}` as never });
          }}
        />
      ) : (
        <Alert color="yellow">{t("form.mayNotCreate")}</Alert>
      )}
    </Stack>
  );
}
