"""What a look at a router gave, as rows that can be stored. Pure.

A router may say anything: a session without a name, an uptime of a million years, a
name with control characters. What makes no sense is left out, so that one such row
costs neither the rest of its router nor the others. Called by `collecting`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.mikrotik.read import LONGEST_SECONDS, Load, Traffic
from connectors.mikrotik.state import Active, Identity

LARGEST = 2**53 - 1
"""What a whole number of a record holds."""
TRAFFIC_BYTES = 240 * 1024
"""Of the counters in one sample; a field holds 256 KiB of JSON."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

SessionKey = tuple[str, str | None]
"""What tells a session from others of its router: name, and session id or address."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at a router gave, and when."""

    at: datetime
    box: Identity
    load: Load
    sessions: Sequence[Active]
    traffic: Sequence[Traffic]


def sample(router_id: str, found: Poll) -> dict[str, Any]:
    """Return the measurement; a figure that cannot be is None."""
    load = found.load
    return {
        "router": router_id,
        "at": found.at.isoformat(),
        "session_count": len(found.sessions),
        "cpu_percent": _figure(load.cpu_percent, 100),
        "memory_free": _figure(load.memory_free),
        "memory_total": _figure(load.memory_total),
        "uptime_seconds": _figure(load.uptime, LONGEST_SECONDS - 1),
        "traffic": _traffic(found.traffic),
    }


def sessions(
    router_id: str, found: Sequence[Active], at: datetime
) -> dict[SessionKey, dict[str, Any]]:
    """Return the rows of the sessions that have a name, without `login`."""
    rows: dict[SessionKey, dict[str, Any]] = {}
    for each in found:
        name = line(each.name, 120)
        if name is None:
            continue
        up_for = _figure(each.uptime, LONGEST_SECONDS - 1)
        began = None if up_for is None else at - timedelta(seconds=up_for)
        row = {
            "router": router_id,
            "name": name,
            "session_id": line(each.session_id, 40),
            "address": line(each.address, 60),
            "caller_id": line(each.caller_id, 60),
            "began_at": None if began is None else began.isoformat(),
        }
        rows[session_key(row)] = row
    return rows


def session_key(row: Mapping[str, Any]) -> SessionKey:
    """Return what tells a stored session, or one to be stored, from others."""
    return row["name"], row["session_id"] or row["address"]


def nameless(found: Sequence[Active]) -> int:
    """Return how many sessions have no name that could be stored."""
    return sum(line(each.name, 120) is None for each in found)


def line(text: str, longest: int) -> str | None:
    """Return one line as a record keeps it; None where nothing is left."""
    return _CONTROL.sub(" ", text).strip()[:longest].strip() or None


def _figure(value: int, largest: int = LARGEST) -> int | None:
    return value if 0 <= value <= largest else None


def _traffic(found: Sequence[Traffic]) -> dict[str, list[int]]:
    """Return upload and download by login, as many as a field holds."""
    kept: dict[str, list[int]] = {}
    room = TRAFFIC_BYTES
    for each in found:
        name = line(each.name, 120)
        if name is None or max(each.upload, each.download) > LARGEST:
            continue
        counters = [each.upload, each.download]
        room -= len(json.dumps({name: counters}, ensure_ascii=False).encode())
        if room < 0:
            break
        kept[name] = counters
    return kept
