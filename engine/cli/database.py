"""The database a command works with: the embedded server, or one elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.settings import Settings


@contextmanager
def running_database(settings: Settings) -> Iterator[None]:
    """Keep the embedded server running inside the block; nothing for an external one.

    A server that another process of the data folder keeps is used and left alone.
    """
    if not settings.is_embedded:
        yield
        return
    from engine.postgres import PostgresServer

    with PostgresServer(settings):
        yield
