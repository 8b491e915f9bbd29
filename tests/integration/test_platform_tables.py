"""The platform's own tables hold nothing that no code names."""

import re
from importlib import import_module
from pathlib import Path

import psycopg

from engine.settings import Settings

ROOT = Path(__file__).parents[2]
KEPT = {"granted_at"}
"""When a role was given: filled in by its default, for who looks into the table."""
TABLES = """
SELECT c.relname, a.attname FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'rangka'::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
"""
SEEN = """
SELECT string_agg(definition, ' ') FROM pg_views WHERE schemaname = 'rangka'
UNION ALL
SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE pronamespace = 'rangka'::regnamespace
"""


def test_every_table_and_column_is_named_by_code(settings: Settings) -> None:
    with psycopg.connect(settings.owner_database_url) as owner:
        columns = owner.execute(TABLES).fetchall()
        texts = [row[0] for row in owner.execute(SEEN).fetchall()]
    for package in ("engine", "registry", "metadata"):
        texts.extend(
            path.read_text(encoding="utf-8")
            for path in (ROOT / package).rglob("*")
            if path.suffix in {".py", ".json"} and "versions" not in path.parts
        )
    words = set(re.findall(r"[a-z_]+", "\n".join(texts)))
    named = {word for column in columns for word in column}
    assert len(named) > 50
    assert named - words == KEPT


def test_what_was_taken_away_can_be_made_again(settings: Settings) -> None:
    module = import_module("metadata.migrations.versions.0005_unused")
    again = Path(str(module.__file__)).with_suffix(".sql").read_text(encoding="utf-8")
    with psycopg.connect(settings.owner_database_url) as owner:
        before = set(owner.execute(TABLES).fetchall())
        owner.execute("SET LOCAL search_path = rangka, pg_catalog")
        owner.execute(module.RESTORE)
        restored = set(owner.execute(TABLES).fetchall())
        assert ("sessions", "generation_used") in restored - before
        unprotected = owner.execute(
            "SELECT relname FROM pg_class WHERE relname = 'saved_views' "
            "AND NOT relforcerowsecurity"
        ).fetchall()
        assert unprotected == []
        owner.execute(again)
        assert set(owner.execute(TABLES).fetchall()) == before
        owner.rollback()
