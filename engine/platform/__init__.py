"""Writers of the platform's own entities: tenants, users, roles, teams."""

from engine.platform.core_tenant import (
    EnsuredUser,
    ensure_core,
    ensure_tenant,
    ensure_user,
)

__all__ = ["EnsuredUser", "ensure_core", "ensure_tenant", "ensure_user"]
