"""Actions as sentences, and whether a read shows them done. Pure.

Equal changes of several entries become one `set` with a list of ids. Called by `apply`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.mikrotik.actions import Action, Change, Verb
from connectors.mikrotik.fields import FIELDS, MENU, Kind
from connectors.mikrotik.state import Found
from connectors.mikrotik.values import written

CHUNK = 50


@dataclass(frozen=True, slots=True)
class Command:
    """One sentence, for one action or for equal changes of several.

    The password, if any, is not among the words: it is opened when it is sent.
    """

    path: str
    words: tuple[str, ...]
    actions: tuple[Action, ...]


def commands(actions: Iterable[Action]) -> list[Command]:
    """Return the sentences of one phase; equal changes go together, 50 at most."""
    alike: dict[tuple[str, ...], list[Action]] = defaultdict(list)
    made: list[Command] = []
    for action in actions:
        if _joins(action):
            alike[(_path(action), *_words(action))].append(action)
        else:
            made.append(command(action))
    for (path, *words), group in alike.items():
        made.extend(
            _joined(path, words, tuple(group[at : at + CHUNK]))
            for at in range(0, len(group), CHUNK)
        )
    return made


def command(action: Action) -> Command:
    """Return the sentence of one action by itself."""
    path, words = _path(action), _words(action)
    if action.verb is Verb.ADD:
        added = (f"=name={action.name}", f"=comment={action.marker}")
        return Command(path, (*added, *words), (action,))
    return _joined(path, words, (action,))


def in_effect(
    action: Action, by_id: Mapping[str, Found], by_name: Mapping[str, Found]
) -> bool:
    """Return whether the rows, read after the action, show it done.

    A password cannot be read back: its action needs a reply without error besides.
    """
    if action.verb is Verb.REMOVE:
        return action.id not in by_id
    found = (
        by_name.get(action.name) if action.verb is Verb.ADD else by_id.get(action.id)
    )
    if found is None or found.marker != action.marker:
        return False
    return not differing(action, found)


def differing(action: Action, found: Found) -> list[str]:
    """Return the fields of an entry that do not read as the action wrote them."""
    shown: dict[str, object] = {**found.values, "name": found.name}
    return [
        change.field
        for change in action.changes
        if change.field != "comment"
        and shown.get(change.field) != _shown(action, change)
    ]


def _shown(action: Action, change: Change) -> object:
    field = FIELDS[action.kind].get(change.field)
    return field.default if field and change.new is None else change.new


def _joins(action: Action) -> bool:
    """Whether it may share a sentence: nothing in it is of one entry alone."""
    if action.verb is Verb.REMOVE:
        # One that fails would leave unknown which went: each by itself.
        return False
    own = {"name", "comment"}
    return (
        action.verb in {Verb.SET, Verb.UNSET}
        and action.password is None
        and not any(change.field in own for change in action.changes)
    )


def _path(action: Action) -> str:
    verb = str(action.verb)
    if action.verb is Verb.UNSET and _absent(action) is not None:
        verb = "set"
    return f"{MENU[action.kind]}/{verb}"


def _words(action: Action) -> tuple[str, ...]:
    if action.verb is Verb.UNSET:
        name, absent = action.changes[0].field, _absent(action)
        return (f"=value-name={name}" if absent is None else f"={name}={absent}",)
    return tuple(f"={made.field}={written(made.new)}" for made in action.changes)


def _absent(action: Action) -> str | None:
    return FIELDS[action.kind][action.changes[0].field].absent


def _joined(path: str, words: Iterable[str], actions: tuple[Action, ...]) -> Command:
    ids = ",".join(action.id for action in actions)
    which = "numbers" if path.endswith("/unset") else ".id"
    return Command(path, (f"={which}={ids}", *words), actions)


def referrers(kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds of entries that can name one of this kind."""
    return tuple(
        other
        for other, fields in FIELDS.items()
        if any(field.names is kind for field in fields.values())
    )
