"""Everything a running process is made of, built in one place.

`engine/app.py` and the commands build `Parts` from settings; handlers get it handed.
Nothing else makes databases, catalogs or policies.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from engine import proxies
from engine.backup import nightly
from engine.bulk import Bulk
from engine.database import Database
from engine.dependencies import Dependencies
from engine.driver_pool import PoolLimits
from engine.freshness import Freshness
from engine.gateway import Gateway
from engine.health import Health
from engine.history import History
from engine.idempotency import Idempotency
from engine.identity import Identity
from engine.jobs.host import JobTools
from engine.jobs.process import Jobs
from engine.platform import Platform
from engine.policy import Policy
from engine.policy_poll import Poll
from engine.realtime import Hub
from engine.record_columns import ColumnWriter
from engine.record_reads import RecordReader
from engine.record_references import References
from engine.records import Records
from engine.secrets import SecretBox
from engine.settings import Settings, StartupError, derive_key
from engine.transfer.exports import Exports
from engine.transfer.import_work import Tools
from engine.transfer.imports import Imports
from registry import external
from registry.catalog import PLATFORM, Catalog
from registry.publishing import Publisher
from registry.publishing_follow_ups import FollowUps
from registry.service import Service


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process."""

    settings: Settings
    health: Health
    dependencies: Dependencies
    database: Database
    catalog: Catalog
    freshness: Freshness
    policy: Policy
    identity: Identity
    platform: Platform
    publisher: Publisher
    follow_ups: FollowUps
    reader: RecordReader
    records: Records
    bulk: Bulk
    history: History
    idempotency: Idempotency
    imports: Imports
    exports: Exports
    jobs: Jobs
    hub: Hub
    gateway: Gateway


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the parts in the order in which they need each other; close them again.

    The database comes first and refuses roles that could pass row security.
    """
    database = Database(
        app_dsn=settings.app_database_url,
        system_dsn=settings.system_database_url,
        owner_dsn=settings.owner_database_url,
        limits=PoolLimits(max_size=settings.database_connections),
    )
    health = Health()
    async with AsyncExitStack() as opened:
        async with health.phase("foundation"):
            await database.open()
            opened.push_async_callback(database.close)
        async with health.phase("core"):
            catalog = Catalog(database.lookup, database.listen, Poll)
            await catalog.start()
            opened.push_async_callback(catalog.stop)
            follow_ups = FollowUps(database.owner, database.system)
            await follow_ups.start()
            opened.push_async_callback(follow_ups.stop)
        async with health.phase("infrastructure"):
            key = derive_key(settings.secret_key, "idempotency")
            idempotency = Idempotency(database, key)
            await idempotency.start()
            opened.push_async_callback(idempotency.stop)
        async with health.phase("security"):
            policy = Policy(database)
            await policy.start()
            opened.push_async_callback(policy.stop)
            identity = Identity(database, settings)
            await identity.start()
            opened.push_async_callback(identity.stop)
        async with health.phase("realtime"):
            parts = _assemble(
                settings,
                health,
                database,
                catalog,
                policy,
                identity,
                follow_ups,
                idempotency,
            )
            await parts.hub.start()
            opened.push_async_callback(parts.hub.stop)
        async with health.phase("monitoring"):
            parts.dependencies.tell(health)
            opened.push_async_callback(parts.dependencies.close)
        health.started()
        try:
            yield parts
        finally:
            health.stopping()


def _assemble(
    settings: Settings,
    health: Health,
    database: Database,
    catalog: Catalog,
    policy: Policy,
    identity: Identity,
    follow_ups: FollowUps,
    idempotency: Idempotency,
) -> Parts:
    try:
        code = external.load(settings.services_path)
    except external.CodeError as error:
        raise StartupError(str(error)) from error
    reader = RecordReader(database, catalog, policy)
    secrets = SecretBox(derive_key(settings.secret_key, "fields"))
    columns = ColumnWriter(secrets)
    references = References(catalog)
    rung = asyncio.Event()
    records = Records(
        database, policy, reader, columns, code, references, on_committed=rung.set
    )
    freshness = Freshness(catalog)
    hub = Hub(database, catalog, policy, reader)
    return Parts(
        settings=settings,
        health=health,
        dependencies=Dependencies(settings, database, hub),
        database=database,
        catalog=catalog,
        freshness=freshness,
        policy=policy,
        identity=identity,
        platform=Platform(database, policy, reader, identity),
        publisher=Publisher(),
        follow_ups=follow_ups,
        reader=reader,
        records=records,
        bulk=Bulk(records, freshness),
        history=History(database, policy, reader),
        idempotency=idempotency,
        imports=Imports(database, Tools(policy, reader, records, columns), freshness),
        exports=Exports(database, policy, reader),
        jobs=Jobs(
            settings,
            catalog,
            JobTools(
                database,
                records,
                reader,
                secrets,
                proxies.networks(settings.router_networks),
            ),
            _code_of_jobs(settings, records),
            rung,
        ),
        hub=hub,
        gateway=Gateway(database, identity, settings, secrets),
    )


def _code_of_jobs(
    settings: Settings, records: Records
) -> Callable[[], Mapping[str, Service]]:
    """Return what gives the code whose jobs run here: the services' and our own."""
    own = Service(PLATFORM)
    if settings.backup == "nightly":
        nightly.declare(own, settings)
    return lambda: {**records.code, PLATFORM: own}
