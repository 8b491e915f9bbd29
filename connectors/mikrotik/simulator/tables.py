"""The rows of every menu: ids, names, uniqueness, references, and who is told.

Knows nothing of sentences or connections. Called by commands, printing and live.
"""

import asyncio
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connectors.mikrotik.simulator.menu import Argument, Menu
from connectors.mikrotik.simulator.menus import MENUS, SINGLES
from connectors.mikrotik.simulator.profiles import Version
from connectors.mikrotik.simulator.replies import (
    ARGUMENT,
    Trap,
    no_such_item,
    unknown_parameter,
)
from connectors.mikrotik.simulator.values import invalid, no_match, read_value

DYNAMIC_IDS = 0x20180000
"""Rows the router makes itself count from here, as on real ones."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that names a row of another table; follows it when it is renamed."""

    path: str
    row: "Row"


@dataclass(slots=True, eq=False)
class Row:
    """One row. `values` are written by clients, `live` by the router itself."""

    id: str
    values: dict[str, str | Reference]
    live: dict[str, str] = field(default_factory=dict)
    dynamic: bool = False

    def text(self, name: str) -> str:
        """Return a property as text, or "" when the row has none."""
        value = self.values.get(name, self.live.get(name, ""))
        return value if isinstance(value, str) else value.row.text("name")


@dataclass(frozen=True, slots=True)
class Change:
    """What a listener is told; a removed row is told by its id alone."""

    row: Row
    removed: bool


class Table:
    """The rows of one menu, in their order."""

    def __init__(self, menu: Menu, tables: "Tables") -> None:
        self.menu = menu
        self.rows: list[Row] = []
        self.listeners: set[asyncio.Queue[Change]] = set()
        self._tables = tables
        self._next = {False: menu.first_id, True: DYNAMIC_IDS}
        self._by_id: dict[str, Row] = {}
        self._by_key: dict[tuple[str, ...], Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def add(
        self,
        values: Mapping[str, str],
        *,
        dynamic: bool = False,
        live: Mapping[str, str] | None = None,
        fixed_id: str = "",
    ) -> Row:
        """Add a row the way a client would and return it.

        Args:
            values: what a client may set, text by argument.
            dynamic: whether the router made the row itself.
            live: properties no client may set.
            fixed_id: the id, where it is not the next one.

        Raises:
            Trap: an unknown argument, a bad or missing value, a duplicate.
        """
        for argument in self.menu.arguments:
            if argument.required and not values.get(argument.name):
                raise Trap(f"missing ={argument.name}=")
        row = Row("", self._read(values), dict(live or {}), dynamic)
        key = self._key(row)
        if key and not dynamic and key in self._by_key:
            raise Trap(self.menu.duplicate)
        row.id = fixed_id or self._new_id(dynamic)
        self.rows.append(row)
        self._by_id[row.id] = row
        if key:
            self._by_key.setdefault(key, row)
        self.tell(row)
        return row

    def set(self, row: Row, values: Mapping[str, str]) -> None:
        """Change the row; nothing is changed when any value is refused.

        Raises:
            Trap: as `add`, or the row is dynamic.
        """
        if row.dynamic:
            raise Trap(f"can not change dynamic {self.menu.path.rsplit('/', 1)[-1]}")
        read = self._read(values)
        for argument in self.menu.arguments:
            if argument.required and values.get(argument.name, "-") == "":
                raise invalid(argument)
        old = self._key(row)
        wanted = Row(row.id, {**row.values, **read})
        new = self._key(wanted)
        if new != old and new is not None and self._by_key.get(new, row) is not row:
            raise Trap(self.menu.duplicate)
        row.values = wanted.values
        if old and self._by_key.get(old) is row:
            del self._by_key[old]
        if new:
            self._by_key[new] = row
        self.tell(row)

    def unset(self, row: Row, name: str) -> None:
        """Take a value away, so that the row prints as if it was never set.

        Raises:
            Trap: no such argument, or one every row must have.
        """
        argument = self.menu.argument(name, self._tables.release)
        if argument is None:
            raise unknown_parameter(name)
        if argument.required:
            raise Trap("input does not match any value of value-name", ARGUMENT)
        row.values.pop(name, None)
        self.tell(row)

    def remove(self, row: Row) -> None:
        """Remove the row; rows that refer to it keep its id, as `*1`.

        Raises:
            Trap: the row may not be removed.
        """
        self._tables.refuse_removal(self.menu.path, row)
        self.rows.remove(row)
        del self._by_id[row.id]
        key = self._key(row)
        if key and self._by_key.get(key) is row:
            del self._by_key[key]
        self.tell(row, removed=True)

    def move(self, rows: list[Row], before: Row | None) -> None:
        """Put the rows before another one, or at the end.

        Raises:
            Trap: a row is to go before itself.
        """
        if before in rows:
            raise Trap("failure: can not move object before itself")
        for row in rows:
            self.rows.remove(row)
        at = self.rows.index(before) if before else len(self.rows)
        self.rows[at:at] = rows

    def find(self, text: str) -> Row:
        """Return the row with this id, or this name where a menu takes names.

        Raises:
            Trap: there is none.
        """
        row = self._by_id.get(text) or (
            self.named(text) if self.menu.named and text[:1] != "*" else None
        )
        if row is None:
            raise no_such_item()
        return row

    def named(self, name: str) -> Row | None:
        """Return the first row of that name."""
        if self.menu.unique == ("name",):
            return self._by_key.get((name,))
        return next((row for row in self.rows if row.text("name") == name), None)

    def has(self, row: Row) -> bool:
        """Whether the row is still in the table."""
        return self._by_id.get(row.id) is row

    def tell(self, row: Row, *, removed: bool = False) -> None:
        """Tell every listener of a row that came, changed or went."""
        for listener in self.listeners:
            listener.put_nowait(Change(row, removed))

    def reboot(self, boots: int) -> None:
        """Drop what lives only while running and give the other rows new ids.

        The ids are dealt out shifted by one more place at each boot, so that an id
        kept from before names another row now, or none.
        """
        for row in [row for row in self.rows if row.dynamic]:
            self.remove(row)
        places = len(self.rows) + 1
        self._by_id.clear()
        for place, row in enumerate(self.rows):
            if "default" not in row.live:
                row.id = f"*{(place + boots) % places + self.menu.first_id:X}"
            self._by_id[row.id] = row
        self._next = {False: places + self.menu.first_id, True: DYNAMIC_IDS}

    def _new_id(self, dynamic: bool) -> str:
        number = self._next[dynamic]
        self._next[dynamic] += 1
        return f"*{number:X}"

    def _key(self, row: Row) -> tuple[str, ...] | None:
        if not self.menu.unique:
            return None
        return tuple(row.text(name) for name in self.menu.unique)

    def _read(self, values: Mapping[str, str]) -> dict[str, str | Reference]:
        read: dict[str, str | Reference] = {}
        for name, text in values.items():
            argument = self.menu.argument(name, self._tables.release)
            if argument is None:
                raise unknown_parameter(name)
            read[name] = self._tables.read(argument, text)
        return read


class Tables:
    """The tables of one router, by the path of their menu: `tables["/ppp/secret"]`."""

    def __init__(self, release: Version) -> None:
        self.release = release
        self._tables = {path: Table(menu, self) for path, menu in MENUS.items()}
        for path in SINGLES:
            self._tables[path].add({})

    def __getitem__(self, path: str) -> Table:
        return self._tables[path]

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables.values())

    def single(self, path: str) -> Row:
        """Return the one row of a menu without rows."""
        return self._tables[path].rows[0]

    def read(self, argument: Argument, text: str) -> str | Reference:
        """Return the value of an argument, a reference where it names a row.

        Raises:
            Trap: the value is refused, or no row has that name.
        """
        if argument.kind == "ref":
            return self._reference(argument, argument.detail, text)
        if argument.kind != "address-or-pool" or not text:
            return read_value(argument, text)
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            pass
        if self._tables["/ip/pool"].named(text) is None:
            raise invalid(argument)
        return self._reference(argument, "/ip/pool", text)

    def _reference(self, argument: Argument, path: str, text: str) -> str | Reference:
        if text in {"", "none"} and argument.default is None:
            return "none"
        table = self._tables[path]
        row = table.named(text)
        if row is None:
            raise no_match(argument)
        return Reference(path, row)

    def refuse_removal(self, path: str, row: Row) -> None:
        """Refuse where the router does: its own profiles, groups with users.

        Raises:
            Trap: the row has to stay.
        """
        if path.endswith("/profile") and row.live.get("default") == "true":
            raise Trap("failure: can not remove default profile")
        if path == "/user/group" and any(
            isinstance(group := user.values.get("group"), Reference)
            and group.row is row
            for user in self._tables["/user"]
        ):
            raise Trap("failure: group has some users")

    def say(self, reference: Reference) -> str:
        """Return the name of the row referred to, or its id once it is gone."""
        there = self._tables[reference.path].has(reference.row)
        return reference.row.text("name") if there else reference.row.id

    def reboot(self, boots: int) -> None:
        """Empty what does not survive a boot and renumber what does."""
        for table in self:
            if table.menu.path not in SINGLES:
                table.reboot(boots)
