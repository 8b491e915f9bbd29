import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { listQuery } from "../api/queries";
import { sourceOf } from "../api/source";
import type { Related } from "../api/types";
import { useFreshLists } from "../api/useNews";
import { labelText, useText, wordsOf } from "../i18n";
import styles from "./RecordPage.module.css";

/** What belongs to a record, by kind and number: a way to each list, or to the only one. */
export function RelatedLinks({ related, id }: { related: readonly Related[]; id: string }) {
  const t = useText();
  return (
    <nav className={styles.related} aria-label={t("record.related")}>
      {related.map((each) => (
        <RelatedLink key={each.name} related={each} id={id} />
      ))}
    </nav>
  );
}

function RelatedLink({ related, id }: { related: Related; id: string }) {
  const source = sourceOf(related.service, related.entity);
  const filter = { [related.field]: { _eq: id } };
  const list = useQuery(
    listQuery(source, { filter: JSON.stringify(filter), limit: 1, count: "exact" }),
  );
  useFreshLists(source);
  const only = list.data?.meta?.page?.count === 1 ? list.data.data[0] : undefined;
  const target = only ? { to: `${source.ui}/${only.id}` } : { to: source.ui, search: { filter } };
  return (
    <Link {...(target as { to: never })} className={styles.relatedLink}>
      {labelText(related.label, wordsOf(related.name))}{" "}
      <span className={styles.number}>{list.data?.meta?.page?.count ?? ""}</span>
    </Link>
  );
}
