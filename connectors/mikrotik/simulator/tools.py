"""Commands that belong to no table: ping, traffic, export, files, restart.

Called by commands.
"""

import asyncio
from collections.abc import Awaitable, Callable

from connectors.mikrotik.simulator.call import Call
from connectors.mikrotik.simulator.replies import ARGUMENT, Trap, no_such_item
from connectors.mikrotik.simulator.tables import Reference, Row

LARGEST_READ = 32768
PAUSE = 1.0
"""Seconds between two pings or two measurements."""


async def ping(call: Call) -> dict[str, str]:
    """Send one row for each packet; without a count until cancelled."""
    call.allow_only(
        "address", "count", "interval", "size", "interface", "src-address", "ttl",
        "do-not-fragment", "arp-ping", "dscp", "vrf", ".proplist", "as-value",
    )  # fmt: skip
    address = call.take("address")
    given = call.attributes.get("count")
    count = None if given is None else _whole("count", given)
    known = address.startswith("127.") or any(
        row.live["address"] == address for row in call.router.tables["/ppp/active"]
    )
    number = received = 0
    while count is None or number < count:
        received += known
        answer = ["=time=1ms", "=ttl=64"] if known else ["=status=timeout"]
        loss = 100 - received * 100 // (number + 1)
        await call.send([
            "!re", f"=seq={number}", f"=host={address}", "=size=56", *answer,
            f"=sent={number + 1}", f"=received={received}", f"=packet-loss={loss}",
        ])  # fmt: skip
        number += 1
        if number != count:
            await asyncio.sleep(PAUSE if count is None else 0)
    return {}


async def monitor_traffic(call: Call) -> dict[str, str]:
    """Send the rates of the named interfaces, once or until cancelled."""
    call.allow_only("interface", "once", ".proplist", "interval", "duration")
    table = call.router.tables["/interface"]
    rows = [table.find(one) for one in call.take("interface").split(",")]
    section = 0
    before = {row: _bytes(row) for row in rows}
    while True:
        call.router.refresh("/interface")
        for row in rows:
            was, now = before[row], _bytes(row)
            before[row] = now
            up, down = ((new - old) * 8 for old, new in zip(was, now, strict=True))
            await call.send([
                "!re", f"=name={row.text('name')}",
                f"=rx-bits-per-second={up}", f"=tx-bits-per-second={down}",
                f"=.section={section}",
            ])  # fmt: skip
        if "once" in call.attributes:
            return {}
        section += 1
        await asyncio.sleep(PAUSE)


def _bytes(row: Row) -> tuple[int, int]:
    return int(row.live["rx-byte"]), int(row.live["tx-byte"])


async def export(call: Call) -> dict[str, str]:
    """Write the pools, profiles and secrets as a script; nothing comes back inline."""
    call.allow_only(
        "file", "show-sensitive", "hide-sensitive", "terse", "compact", "verbose"
    )
    show = (
        "hide-sensitive" not in call.attributes
        if call.release < (7, 0)
        else "show-sensitive" in call.attributes
    ) and "sensitive" in call.policies
    lines = [f"# by RouterOS {call.router.profile.version}"]
    for path in ("/ip/pool", "/ppp/profile", "/ppp/secret"):
        lines.append(path.replace("/", " ").strip().join(("/", "")))
        table = call.router.tables[path]
        hidden = {arg.name for arg in table.menu.arguments if arg.kind == "secret"}
        for row in table:
            words = [
                f'{name}="{_said(call, value)}"'
                for name, value in row.values.items()
                if show or name not in hidden
            ]
            lines.append(f"add {' '.join(words)}")
    name = call.take("file")
    _write(call, name if name.endswith(".rsc") else f"{name}.rsc", "\n".join(lines))
    return {}


def _said(call: Call, value: str | Reference) -> str:
    return call.router.tables.say(value) if isinstance(value, Reference) else value


async def save_backup(call: Call) -> dict[str, str]:
    """Write a file that stands for a binary backup."""
    call.allow_only("name", "password", "encryption", "dont-encrypt")
    name = call.attributes.get("name") or "backup"
    sealed = "plain" if "dont-encrypt" in call.attributes else "sealed"
    _write(call, f"{name}.backup", f"{sealed} backup of {call.router.serial}\n")
    return {}


def _write(call: Call, name: str, contents: str) -> None:
    if call.router.faults.disk_full:
        raise Trap("failure: disk full")
    files = call.router.tables["/file"]
    old = files.named(name)
    if old is not None:
        files.remove(old)
    live = {"size": str(len(contents.encode())), "contents": contents}
    files.add({"name": name}, live={**live, "type": name.rpartition(".")[2]})


async def read_file(call: Call) -> dict[str, str]:
    """Send a piece of a file."""
    call.allow_only("file", "offset", "chunk-size", "as-value")
    row = call.router.tables["/file"].named(call.take("file"))
    if row is None:
        raise no_such_item()
    offset = _whole("offset", call.attributes.get("offset", "0"))
    size = min(_whole("chunk-size", call.take("chunk-size")), LARGEST_READ)
    contents = row.text("contents").encode()
    piece = contents[offset : offset + size].decode("utf-8", "ignore")
    await call.send(["!re", f"=data={piece}"])
    return {}


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise Trap(f"invalid value for argument {name}", ARGUMENT)
    return int(text)


async def restart(call: Call) -> dict[str, str]:
    """Have the router restart once the command is answered."""
    call.allow_only()
    call.router.restart_wanted = True
    return {}


TOOLS: dict[str, Callable[[Call], Awaitable[dict[str, str]]]] = {
    "/ping": ping,
    "/tool/ping": ping,
    "/interface/monitor-traffic": monitor_traffic,
    "/export": export,
    "/system/backup/save": save_backup,
    "/file/read": read_file,
    "/system/reboot": restart,
}
