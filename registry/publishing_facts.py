"""What PostgreSQL's catalogue says of one schema, as comparable texts.

Reads pg_catalog only. A fact is a text that is equal for two things that behave alike;
names of schemas are left out, so that two schemas can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.publishing_plan import Connection


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """One thing of a schema: a table, or a part of one."""

    table: str
    kind: str
    name: str

    def __str__(self) -> str:
        """Return how a finding calls it."""
        if self.kind == "schema":
            return f"right of {self.name} on the schema"
        if self.kind == "table":
            return f"table {self.table}"
        word = {"grant": "right of", "foreign_key": "foreign key"}
        return f"{word.get(self.kind, self.kind)} {self.name} of {self.table}"


@dataclass(frozen=True, slots=True)
class Fact:
    """What a thing is; `proved` is false for a rule or an index that is not whole."""

    text: str
    proved: bool = True


_NAMES = """
(SELECT string_agg(a.attname, ',' ORDER BY k.i)
 FROM unnest({keys}) WITH ORDINALITY k(n, i)
 JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.n)
"""

_GRANTEE = "CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END"

_FACTS = f"""
WITH tables AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT '' AS relname, 'schema' AS kind, {_GRANTEE} AS name,
       string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type) AS fact,
       true AS proved
FROM pg_namespace n, aclexplode(n.nspacl) g
WHERE n.nspname = %(schema)s AND g.grantee <> n.nspowner GROUP BY 3
UNION ALL
SELECT relname, 'table', '', concat(
    CASE relkind WHEN 'r' THEN 'table' ELSE concat('kind ', relkind) END,
    ' of ', pg_get_userbyid(relowner), ', row security ',
    CASE WHEN relrowsecurity THEN 'on' ELSE 'off' END,
    CASE WHEN relforcerowsecurity THEN ' and forced' ELSE ', not forced' END), true
FROM tables
UNION ALL
SELECT t.relname, 'column', a.attname, concat(
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' not null' END,
    CASE WHEN a.attgenerated <> '' THEN ' generated as ' WHEN d.oid IS NOT NULL
    THEN ' default ' END, pg_get_expr(d.adbin, d.adrelid)), true
FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE NOT a.attisdropped
UNION ALL
SELECT t.relname, 'constraint', c.conname,
    regexp_replace(pg_get_constraintdef(c.oid), ' NOT VALID$', ''), c.convalidated
FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid
WHERE c.contype NOT IN ('f', 'n', 't')
UNION ALL
SELECT t.relname, 'foreign_key', c.conname, concat(
    {_NAMES.format(keys="c.conkey", table="c.conrelid")}, ' to ',
    rn.nspname, '.', r.relname, ' ',
    {_NAMES.format(keys="c.confkey", table="c.confrelid")},
    ' on delete ', c.confdeltype, ' ',
    {_NAMES.format(keys="c.confdelsetcols", table="c.conrelid")}),
    c.convalidated
FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f'
JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
UNION ALL
SELECT t.relname, 'index', x.relname,
    regexp_replace(pg_get_indexdef(x.oid), '^.*? ON [^ ]+ ',
        CASE WHEN i.indisunique THEN 'unique ' ELSE '' END), i.indisvalid
FROM tables t JOIN pg_index i ON i.indrelid = t.oid
JOIN pg_class x ON x.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.oid
                  AND c.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT t.relname, 'policy', p.polname, concat(
    CASE WHEN p.polpermissive THEN 'allows ' ELSE 'restricts ' END, p.polcmd, ' to ',
    array(SELECT coalesce(r.rolname::text, 'everybody') FROM unnest(p.polroles) o
          LEFT JOIN pg_roles r ON r.oid = o ORDER BY 1)::text,
    ' using ', pg_get_expr(p.polqual, p.polrelid),
    ' with check ', pg_get_expr(p.polwithcheck, p.polrelid)), true
FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
UNION ALL
SELECT t.relname, 'grant',
    {_GRANTEE},
    string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type), true
FROM tables t, aclexplode(t.relacl) g
WHERE g.grantee <> t.relowner GROUP BY t.relname, g.grantee
UNION ALL
SELECT t.relname, 'trigger', g.tgname, pg_get_triggerdef(g.oid), true
FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
"""


async def facts_of(connection: Connection, schema: str) -> Mapping[Thing, Fact]:
    """Return everything there is in a schema; empty when there is no such schema."""
    rows = await connection.execute(_FACTS.encode(), {"schema": schema})
    return {
        Thing(row["relname"], row["kind"], row["name"]): Fact(
            row["fact"], row["proved"]
        )
        for row in await rows.fetchall()
    }
