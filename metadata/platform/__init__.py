"""The platform's own entities, described by definitions like everybody else's."""

from functools import cache
from pathlib import Path

from metadata import bundle
from metadata.definitions import Service


@cache
def load() -> Service:
    """Return the definition of the platform: users, roles, jobs and the like."""
    return bundle.load(Path(__file__).parent)
