"""Which writer belongs to which entity of the platform."""

from engine.database import Database
from engine.identity import Identity
from engine.platform.roles import RoleWriter
from engine.platform.steps import PlatformWriter, ReadOnly, Steps
from engine.platform.teams import TeamWriter
from engine.platform.tenants import TenantWriter
from engine.platform.users import UserWriter
from engine.policy import Policy
from engine.record_reads import RecordReader
from metadata.compiled import CompiledEntity


class Platform:
    """The writers of one process."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        reader: RecordReader,
        identity: Identity,
    ) -> None:
        steps = Steps(database, policy, reader)
        self._read_only = ReadOnly()
        self._writers: dict[str, PlatformWriter] = {
            "tenants": TenantWriter(steps),
            "users": UserWriter(steps, identity.passwords),
            "roles": RoleWriter(steps),
            "teams": TeamWriter(steps),
        }

    def writer(self, entity: CompiledEntity) -> PlatformWriter:
        """Return the writer of an entity; the audit log and others are only read."""
        return self._writers.get(entity.name, self._read_only)
