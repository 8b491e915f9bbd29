"""What an endpoint takes beside its body: parameters of the path, query and headers.

Checks them as the values that `texts.py` reads. Made with a route.
"""

from collections.abc import Collection
from typing import Any

from jsonschema_rs import Draft202012Validator

from metadata import endpoint_forms
from metadata.definitions import Endpoint
from registry.gateway.texts import Texts


class Inputs:
    """The parameters of one endpoint.

    Attributes:
        headers: names of the declared headers, in lower case.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        declared = endpoint_forms.parameters(endpoint)
        by_place = {
            place: [each for each in declared if each.place == place]
            for place in ("path", "query", "header")
        }
        self._texts = {place: Texts(place, each) for place, each in by_place.items()}
        self._validators = {
            place: Draft202012Validator(
                {
                    "type": "object",
                    "properties": {each.name: dict(each.schema) for each in here},
                    "required": [each.name for each in here if each.required],
                    "additionalProperties": place != "query",
                }
            )
            for place, here in by_place.items()
        }
        self._may_be_empty = {
            place: validator.is_valid({})
            for place, validator in self._validators.items()
        }
        self.headers = frozenset(each.name.lower() for each in by_place["header"])

    def problems(
        self, place: str, pairs: Collection[tuple[str, str]]
    ) -> tuple[Draft202012Validator, dict[str, Any]] | None:
        """Return validator and values of a place where they do not fit, else None.

        In the query nothing may stand that is not declared.
        """
        if not pairs and self._may_be_empty[place]:
            return None
        values = self._texts[place].values(pairs)
        validator = self._validators[place]
        return None if validator.is_valid(values) else (validator, values)
