"""A form has one answer: the server and the browser find the same fields wrong."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.context import Allowance, Grant, RequestContext
from engine.errors import Detail, ValidationFailed
from engine.record_columns import ColumnWriter
from engine.record_findings import findings as schema_findings
from engine.record_values import check_rules, check_transitions, for_create, for_update
from engine.secrets import SecretBox
from metadata.compiler import compile_service
from metadata.definitions import Service
from metadata.forms import entity_form
from metadata.payloads import validator

FILE = json.loads((Path(__file__).parents[1] / "vectors" / "forms.json").read_text())
SERVICE = {"id": "vectors", "name": "vectors", "entities": [FILE["entity"]]}
ENTITY = compile_service(Service.model_validate(SERVICE), 1).entities["jobs"]
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
NOT_IN_SCHEMA = {"transition", "immutable"}
"""What depends on the value before, which the server alone compares."""
IDS = [
    f"{v['form']}-{json.dumps(v['values'], ensure_ascii=True)[:80]}"
    for v in FILE["vectors"]
]


def grant(form: str) -> Grant:
    """Return what the role that fills in the form may write."""
    role = FILE["forms"][form]
    return Grant(
        ENTITY.resource,
        "update",
        allowed=True,
        allowances=(Allowance(),),
        denied_fields=frozenset(role["hidden"]) | frozenset(role["locked"]),
    )


def findings(form: str, body: Mapping[str, Any], record: Any) -> list[Detail]:
    """Return what the server has against the body, in the step where it stops."""
    old = record or {}
    columns = ColumnWriter(SecretBox(bytes(32)))
    try:
        if record is None:
            values = for_create(CTX, ENTITY, dict(body), grant(form))
        else:
            values = for_update(CTX, ENTITY, dict(body), grant(form), old)
            check_transitions(ENTITY, old, values)
        merged = {**old, **values}
        check_rules(CTX, ENTITY, merged, values, creating=record is None)
        columns.of(CTX, ENTITY, TENANT, values, creating=record is None)
    except ValidationFailed as failure:
        return list(failure.details)
    return []


def told(
    form: str, body: Mapping[str, Any], record: Any
) -> tuple[list[str], list[str]]:
    """Return the refused fields: those that the form's schema tells, and the others."""
    answer = findings(form, body, record)
    refused = {detail.field for detail in answer}
    try:
        if record is None:
            for_create(CTX, ENTITY, dict(body), grant(form))
        else:
            for_update(CTX, ENTITY, dict(body), grant(form), record)
        schema = {"allOf": FILE["forms"][form]["schema"]["allOf"]}
        whole = {**(record or {}), **body}
        by_schema = {d.field for d in schema_findings(validator(schema), whole)}
        known = by_schema if record is not None else set()
    except ValidationFailed:
        known = {d.field for d in answer if d.code not in NOT_IN_SCHEMA}
    assert known <= refused
    return sorted(known), sorted(refused - known)


@pytest.mark.parametrize("form", FILE["forms"])
def test_the_schema_is_the_one_that_the_server_gives(form: str) -> None:
    role = FILE["forms"][form]
    made = entity_form(
        ENTITY,
        readable=lambda name: name not in role["hidden"],
        writable=lambda name: name not in role["hidden"] + role["locked"],
    )
    assert json.loads(json.dumps(made["schema"])) == role["schema"]


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_the_server_finds_these_fields_wrong(vector: Any) -> None:
    record = FILE["record"] if vector["edits"] else None
    answer = told(vector["form"], vector["body"], record)
    assert answer == (vector["wrong"], vector["later"])


def test_both_answers_are_met_often() -> None:
    refused = [vector for vector in FILE["vectors"] if vector["wrong"]]
    assert len(refused) >= 30
    assert len(FILE["vectors"]) - len(refused) >= 30
