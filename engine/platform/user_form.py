"""What the form of a user needs beyond the definition: roles to choose, a password.

A password is no field: it is never read, listed or filtered. So the definition does
not have it, and the form gets it here, for those who may set it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.identity.passwords import LEAST_LENGTH

PASSWORD = "password"  # noqa: S105 - the name of a property
_ROLES = "#/properties/role_names"


def completed(
    form: Mapping[str, Any],
    roles: Iterable[Mapping[str, Any]],
    *,
    sets_password: bool,
) -> dict[str, Any]:
    """Return `{"schema", "ui"}` with the tenant's roles as choices, and a password.

    `roles` holds `name` and `label` of each; the form given stays as it is.
    """
    choices = [{"value": row["name"], "label": row["label"]} for row in roles]
    ui = _with_choices(form["ui"], choices)
    schema = dict(form["schema"])
    if sets_password:
        # The server's own check is the judge of lengths, which it counts after NFC.
        schema["properties"] = {
            **schema["properties"],
            PASSWORD: {"type": "string", "writeOnly": True, "title": "Password"},
        }
        ui = {**ui, "elements": [*ui.get("elements", ()), _control()]}
    return {"schema": schema, "ui": ui}


def _with_choices(
    element: Mapping[str, Any], choices: list[dict[str, Any]]
) -> dict[str, Any]:
    if element.get("scope") == _ROLES:
        options = {**element.get("options", {}), "choices": choices}
        return {**element, "options": options}
    if "elements" not in element:
        return dict(element)
    below = [_with_choices(child, choices) for child in element["elements"]]
    return {**element, "elements": below}


def _control() -> dict[str, Any]:
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
