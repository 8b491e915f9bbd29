"""A tenant's variant shares what it leaves alone, and a worker holds a bounded few."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from metadata.compiled import CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Service
from registry.variants import Variants

OURS, THEIRS = UUID(int=1), UUID(int=2)
OWN: dict[str, Any] = {
    "fields": {"items": [{"id": "own_a", "name": "grade", "type": "integer"}]}
}


def service(version: int = 1) -> CompiledService:
    field = {"id": "n", "name": "name", "type": "text", "required": True}
    entities = [{"id": n, "name": n, "fields": [field]} for n in ("items", "places")]
    document = {"id": "kit", "name": "kit", "entities": entities}
    return compile_service(Service.model_validate(document), version)


def test_what_an_overlay_leaves_alone_is_the_same_object() -> None:
    base = service()
    found = Variants().of(OURS, base, OWN)
    assert found.entities["places"] is base.entities["places"]
    items = found.entities["items"]
    assert items.table is base.entities["items"].table
    assert items.fields["name"] is base.entities["items"].fields["name"]
    assert list(items.fields) == ["name", "grade"]
    assert list(base.entities["items"].fields) == ["name"]


def test_statements_are_shared_only_without_own_fields() -> None:
    base, variants = service(), Variants()
    labelled = variants.of(OURS, base, {"labels": {"items": "Tools"}})
    extended = variants.of(THEIRS, base, OWN)
    assert labelled.entities["items"].plans is base.entities["items"].plans
    assert extended.entities["items"].plans is not base.entities["items"].plans


def test_validators_are_made_when_first_used() -> None:
    items = Variants().of(OURS, service(), OWN).entities["items"]
    assert items.payloads.made == ()
    assert items.create_validator.is_valid({"name": "a", "grade": 1})
    assert not items.create_validator.is_valid({"grade": 1})
    assert not items.create_validator.is_valid({"name": "a", "other": 1})
    assert items.payloads.made == ("create",)


def test_a_variant_is_made_once_for_a_version_and_an_overlay() -> None:
    base, variants = service(), Variants()
    first = variants.of(OURS, base, OWN)
    assert variants.of(OURS, base, dict(OWN)) is first
    assert variants.of(OURS, base, {"labels": {"items": "Tools"}}) is not first
    newer = service(2)
    assert variants.of(OURS, newer, OWN).version == 2
    assert variants.of(THEIRS, base, OWN) is not first


def test_the_least_recently_used_variant_goes_first() -> None:
    base, variants = service(), Variants(limit=2)
    first = variants.of(OURS, base, OWN)
    second = variants.of(THEIRS, base, OWN)
    assert variants.of(OURS, base, OWN) is first
    variants.of(uuid4(), base, OWN)
    assert len(variants) == 2
    assert variants.of(OURS, base, OWN) is first
    assert variants.of(THEIRS, base, OWN) is not second


def test_an_overlay_nobody_can_read_any_more_is_left_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    base = service()
    assert Variants().of(OURS, base, {"fields": "gone"}) is base
    assert "kit" in caplog.text
