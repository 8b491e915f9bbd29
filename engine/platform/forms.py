"""What the forms of users and roles need beyond their definitions.

A user's password is no field: it is never read, listed or filtered, so the definition
does not have it, and the form gets it here, for those who may set it. The roles to
choose from, and what a rule may name, are what this tenant has.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.identity.passwords import LEAST_LENGTH
from engine.policy_rules import ADMINISTRATION, DATA
from metadata.compiled import CompiledEntity, CompiledService
from metadata.labels import locale_map, words_of

PASSWORD = "password"  # noqa: S105 - the name of a property
ACTIONS = ("read", "create", "update", "delete", "restore", "import", "export")
_COMMON = (*ACTIONS, "write", "manage")
_ROLES = "#/properties/role_names"
_RULES = "#/properties/rules"
_NO_ROLE = {
    "en": "Without a role this user can log in, but sees nothing. Choose at least one.",
    "id": "Tanpa peran, pengguna ini dapat masuk tetapi tidak melihat apa pun. "
    "Pilih paling sedikit satu.",
}

Form = Mapping[str, Any]
"""`{"schema", "ui"}`; those given are never changed, those returned are new."""


def of_users(
    form: Form, roles: Iterable[Mapping[str, Any]], *, sets_password: bool
) -> dict[str, Any]:
    """Return the form with the tenant's roles as choices, and a password.

    `roles` holds `name` and `label` of each. A user without any is warned about, not
    refused: roles may be given later.
    """
    choices = [{"value": row["name"], "label": row["label"]} for row in roles]
    options = {"choices": choices, "empty_warning": dict(_NO_ROLE)}
    ui = _with_options(form["ui"], _ROLES, options)
    schema = dict(form["schema"])
    if sets_password:
        # The server's own check is the judge of lengths, which it counts after NFC.
        schema["properties"] = {
            **schema["properties"],
            PASSWORD: {"type": "string", "writeOnly": True, "title": "Password"},
        }
        ui = {**ui, "elements": [*ui.get("elements", ()), _password()]}
    return {"schema": schema, "ui": ui}


def of_roles(
    form: Form,
    services: Iterable[CompiledService],
    platform: Callable[[str], CompiledEntity | None],
) -> dict[str, Any]:
    """Return the form with the resources and actions that a rule may name."""
    resources: list[dict[str, Any]] = [
        _resource("*", {"en": "Everything", "id": "Semuanya"}),
        _resource(DATA, {"en": "All data", "id": "Semua data"}),
    ]
    for service in services:
        for entity in service.entities.values():
            own = sorted({item.permission for item in entity.actions.values()})
            resources.append(_of_entity(entity, own))
    for name in sorted(ADMINISTRATION):
        own_entity = platform(f"{name}s" if name != "audit" else name)
        if own_entity is not None:
            resources.append(_of_entity(own_entity, []))
    options = {"widget": "rules", "resources": resources}
    return {
        "schema": form["schema"],
        "ui": _with_options(form["ui"], _RULES, options),
    }


def _of_entity(entity: CompiledEntity, own: Iterable[str]) -> dict[str, Any]:
    said = entity.definition.label_plural or entity.definition.label
    label = dict(locale_map(said, words_of(entity.name)))
    return _resource(entity.resource, label, own)


def _resource(
    value: str, label: Mapping[str, str], own: Iterable[str] = ()
) -> dict[str, Any]:
    more = [action for action in own if action not in _COMMON]
    return {"value": value, "label": dict(label), "actions": [*_COMMON, *more]}


def _with_options(
    element: Mapping[str, Any], scope: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a UI element in which the control of `scope` has further options."""
    if element.get("scope") == scope:
        return {**element, "options": {**element.get("options", {}), **options}}
    if "elements" not in element:
        return dict(element)
    below = [_with_options(child, scope, options) for child in element["elements"]]
    return {**element, "elements": below}


def _password() -> dict[str, Any]:
    return {
        "type": "Control",
        "scope": f"#/properties/{PASSWORD}",
        "label": {"en": "Password", "id": "Kata sandi"},
        "options": {
            "widget": "password",
            "type": "secret",
            "help": {
                "en": f"At least {LEAST_LENGTH} characters. An account that exists "
                "already keeps its own.",
                "id": f"Paling sedikit {LEAST_LENGTH} karakter. Akun yang sudah ada "
                "tetap memakai kata sandinya sendiri.",
            },
        },
    }
