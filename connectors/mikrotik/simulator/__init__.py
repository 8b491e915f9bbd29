"""A RouterOS simulator that speaks the API protocol, for tests and the demo.

Answers what a real router answers, faults included; routes no packet.
"""

from connectors.mikrotik.simulator.faults import Faults, Kind
from connectors.mikrotik.simulator.profiles import PROFILES
from connectors.mikrotik.simulator.router import User
from connectors.mikrotik.simulator.simulator import Simulator
from connectors.mikrotik.simulator.tls import anonymous_tls, certificate_tls

__all__ = [
    "PROFILES",
    "Faults",
    "Kind",
    "Simulator",
    "User",
    "anonymous_tls",
    "certificate_tls",
]
