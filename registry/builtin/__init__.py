"""The services that ship with Rangka, written through the public extension API only."""

from collections.abc import Mapping
from pathlib import Path

from registry.builtin.billing.service import service as billing
from registry.builtin.customers.service import service as customers
from registry.builtin.network.service import service as network
from registry.service import Service

FOLDER = Path(__file__).parent

NAMES = ("plans", "customers", "network", "billing")
"""In the order in which they are published: a service after those it requires."""

CODE: Mapping[str, Service] = {
    each.name: each for each in (customers, network, billing)
}
"""Behaviour by service name; a service of JSON only has none."""


def folder(name: str) -> Path:
    """Return the bundle folder of a built-in service."""
    return FOLDER / name
