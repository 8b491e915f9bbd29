"""Alembic migrations of the platform's own tables (schema rangka)."""
