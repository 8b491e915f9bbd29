"""Writers of the platform's own entities: tenants, users, roles, teams.

`Platform` is for the running application; the `ensure_…` functions also serve the
command line and demo data.
"""

from engine.platform.core_tenant import (
    EnsuredUser,
    ensure_core,
    ensure_tenant,
    ensure_user,
)
from engine.platform.writers import Platform

__all__ = ["EnsuredUser", "Platform", "ensure_core", "ensure_tenant", "ensure_user"]
