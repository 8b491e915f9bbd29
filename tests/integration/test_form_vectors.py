"""A form has one answer: the server and the browser find the same fields wrong."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.context import Allowance, Grant, RequestContext
from engine.errors import Detail, ValidationFailed
from engine.record_columns import ColumnWriter
from engine.record_findings import findings as schema_findings
from engine.record_rules import Rights
from engine.record_values import check_rules, check_transitions, for_create, for_update
from engine.secrets import SecretBox
from metadata.compiled import CompiledEntity
from metadata.compiler import compile_service
from metadata.definitions import Service
from metadata.forms import entity_form
from metadata.payloads import validator

FILE = json.loads((Path(__file__).parents[1] / "vectors" / "forms.json").read_text())


def jobs(rules: Any) -> CompiledEntity:
    """Return the entity of the file with these rules."""
    service = {
        "id": "vectors",
        "name": "vectors",
        "entities": [{**FILE["entity"], "rules": rules}],
    }
    return compile_service(Service.model_validate(service), 1).entities["jobs"]


ENTITY = jobs(FILE["entity"]["rules"])
AS_TOLD = {name: jobs(role["rules"]) for name, role in FILE["forms"].items()}
"""The entity with the rules that each form carries."""
TENANT = UUID("00000000-0000-4000-8000-000000000001")
CTX = RequestContext(
    request_id="r",
    tenant_id=TENANT,
    user_id=TENANT,
    session_id=None,
    role_ids=frozenset(),
    is_super_admin=False,
    locale="en",
    time_zone="UTC",
    now=datetime.fromisoformat("2026-04-02T00:00:00+00:00"),
)
SERVER_ALONE = {"transition", "immutable"}
"""What depends on the value before, which the server alone compares."""
RULE_CODES = {"required", "readonly", "rule"}
IDS = [
    f"{v['form']}-{json.dumps(v['values'], ensure_ascii=True)[:80]}"
    for v in FILE["vectors"]
]


def grant(form: str, action: str) -> Grant:
    """Return what the role that fills in the form may read or write."""
    role = FILE["forms"][form]
    denied = role["hidden"] if action == "read" else role["hidden"] + role["locked"]
    return Grant(
        ENTITY.resource,
        action,
        allowed=True,
        allowances=(Allowance(),),
        denied_fields=frozenset(denied),
    )


def refused(step: Callable[[], object]) -> list[Detail]:
    """Return what a step of a write has against it."""
    try:
        step()
    except ValidationFailed as failure:
        return list(failure.details)
    return []


def whole(body: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Return the record as it will be."""
    if record is not None:
        return {**record, **body}
    defaults = {
        name: field.definition.default
        for name, field in ENTITY.fields.items()
        if field.definition.default is not None
    }
    return {**defaults, **body}


def answers(vector: Any) -> tuple[list[Detail], list[Detail]]:
    """Return what the server refuses: what its form tells before, and what it cannot.

    The server stops at the first step that fails, the form shows all at once; so what
    a later step finds counts as well.
    """
    form, body = vector["form"], vector["body"]
    record = FILE["record"] if vector["edits"] else None
    columns, write = ColumnWriter(SecretBox(bytes(32))), grant(vector["form"], "update")

    def fields() -> None:
        if record is None:
            for_create(CTX, ENTITY, dict(body), write)
        else:
            values = for_update(CTX, ENTITY, dict(body), write, record)
            check_transitions(ENTITY, record, values)

    def rules(entity: CompiledEntity) -> list[Detail]:
        changed = body if record is None else columns.only_changed(ENTITY, record, body)
        if record is not None and not changed:
            return []
        rights = Rights(grant(form, "read"), write)
        return refused(
            lambda: check_rules(
                CTX,
                entity,
                whole(body, record),
                changed,
                creating=record is None,
                rights=rights,
            )
        )

    by_fields, by_rules = refused(fields), rules(ENTITY)
    told = [d for d in by_fields if d.code not in SERVER_ALONE] + rules(AS_TOLD[form])
    kept = (
        []
        if by_fields or by_rules
        else refused(
            lambda: columns.of(CTX, ENTITY, TENANT, dict(body), creating=record is None)
        )
    )
    return told, [d for d in by_fields + by_rules + kept if d not in told]


@pytest.mark.parametrize("form", FILE["forms"])
def test_the_form_is_the_one_that_the_server_gives(form: str) -> None:
    role = FILE["forms"][form]
    made = entity_form(
        ENTITY,
        readable=lambda name: name not in role["hidden"],
        writable=lambda name: name not in role["hidden"] + role["locked"],
    )
    told = {key: made[key] for key in ("schema", "rules", "rule_fields")}
    assert json.loads(json.dumps(told)) == {key: role[key] for key in told}


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_the_server_finds_these_fields_wrong(vector: Any) -> None:
    told, later = answers(vector)
    wrong = {detail.field for detail in told}
    assert sorted(wrong) == vector["wrong"]
    assert sorted({detail.field for detail in later} - wrong) == vector["later"]
    said = {detail.field: detail.message for detail in told + later}
    for field, message in vector.get("says", {}).items():
        assert said[field] == message


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_the_schema_for_clients_refuses_nothing_that_the_rules_accept(
    vector: Any,
) -> None:
    told, later = answers(vector)
    if vector["edits"] or {detail.code for detail in told + later} - RULE_CODES:
        return
    clauses = {"allOf": FILE["forms"][vector["form"]]["schema"]["allOf"]}
    found = schema_findings(validator(clauses), vector["body"])
    assert {d.field for d in found} <= {d.field for d in told}


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"status": "closed"}, {"plan"}),
        ({"count": 51}, {"notes"}),
        ({"grade": "b", "phone": "0812 3456", "lines": []}, {"lines"}),
        ({"status": "new"}, set()),
    ],
)
def test_the_schema_for_clients_says_the_rules_that_it_can(
    values: Any, missing: set[str]
) -> None:
    clauses = {"allOf": FILE["forms"]["owner"]["schema"]["allOf"]}
    assert {d.field for d in schema_findings(validator(clauses), values)} == missing


def test_both_answers_are_met_often() -> None:
    refused = [vector for vector in FILE["vectors"] if vector["wrong"]]
    assert len(refused) >= 30
    assert len(FILE["vectors"]) - len(refused) >= 30
