"""What a command may answer besides rows: the traps, with the router's own texts.

Called by everything that runs commands. Texts and categories: MikroTik manual, "API".
"""

MISSING, ARGUMENT, INTERRUPTED, GENERAL = 0, 1, 2, 4
"""Categories of `!trap`; many traps of a real router carry none."""

Words = list[str]
"""One sentence, as text."""


class Trap(Exception):
    """The command is refused; becomes `!trap` and `!done`."""

    def __init__(self, message: str, category: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.category = category

    def words(self) -> Words:
        """Return the `!trap` sentence."""
        told = [] if self.category is None else [f"=category={self.category}"]
        return ["!trap", *told, f"=message={self.message}"]


class Fatal(Exception):
    """The connection ends; becomes `!fatal` with a bare word, then the close."""


def no_such_item() -> Trap:
    """Return the trap for an id or name that no row has."""
    return Trap("no such item", MISSING)


def no_permission() -> Trap:
    """Return the trap for a user whose group lacks the policy."""
    return Trap("not enough permissions (9)")


def unknown_parameter(name: str) -> Trap:
    """Return the trap for an argument this version does not have."""
    return Trap(f"unknown parameter {name}")
