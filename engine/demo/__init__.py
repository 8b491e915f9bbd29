"""Demo data: two tenants with users, plans and customers, loaded by the import."""

from engine.demo.load import Login, load

__all__ = ["Login", "load"]
