"""docs/permissions.md says what the code does: tables and examples are compared."""

import json
import re
from pathlib import Path

from engine.identity import login_limits, passwords, sessions, tokens
from engine.platform import role_rules
from engine.policy_rules import (
    _PLATFORM_FIELDS,
    _WITHIN_TENANT,
    ADMINISTRATION,
    ALIASES,
)
from engine.policy_seeds import seed_roles_of

TEXT = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = TEXT.split(f"{heading}\n", maxsplit=1)[1]
    table = re.search(r"^\|.*?\n(?!\|)", section, re.MULTILINE | re.DOTALL)
    assert table is not None
    lines = table[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_seed_roles_is_the_code() -> None:
    written = {
        name: re.findall(r"`([^`]+)`(?: \((\w+)\))?", rules)
        for name, rules, _ in rows("## Seed roles")
    }

    assert written == {
        role.name: [
            (
                "*" if resource == action == "*" else f"{resource}:{action}",
                "" if scope == "tenant" else scope,
            )
            for resource, action, scope in role.rules
        ]
        for role in seed_roles_of(core=True)
    }


def test_the_table_of_the_ceiling_is_the_code() -> None:
    written = {
        words(resource)[0]: words(left)
        for resource, left in rows("### What no role of a tenant reaches")
    }
    tenant = written.pop("tenant")

    assert set(tenant[:2]) == _WITHIN_TENANT["tenant"]
    assert set(tenant[2:]) == _PLATFORM_FIELDS - {"parent", "parent_id"}
    assert {name: set(actions) for name, actions in written.items()} == {
        name: set(actions)
        for name, actions in _WITHIN_TENANT.items()
        if name != "tenant"
    }


def test_the_words_of_the_administration_are_named() -> None:
    (cell,) = [row[1] for row in rows("# Permissions") if row[0] == "administration"]

    assert set(words(cell)) == ADMINISTRATION


def test_the_table_of_aliases_is_the_code() -> None:
    section = "Three action words stand for others, in rules and in questions:"
    written = {words(one)[0]: tuple(words(other)) for one, other in rows(section)}

    assert written.pop("manage") == ()
    assert written == {k: v for k, v in ALIASES.items() if k != "manage"}


def test_the_table_of_a_rule_names_every_part() -> None:
    written = {words(row[0])[0] for row in rows("## What a rule can say")}

    assert written == set(role_rules.RuleInput.model_fields)


def test_every_example_is_a_list_of_good_rules() -> None:
    examples = [
        json.loads(block)
        for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
        if block.startswith("[")
    ]

    assert len(examples) == 3
    for example in examples:
        assert len(role_rules.read(example)) == len(example)


def test_the_numbers_of_logging_in_are_the_code() -> None:
    section = " ".join(TEXT.split("## Logging in\n", maxsplit=1)[1].split())
    limits = login_limits.LoginLimits()
    first, second, third, last = limits.pauses_minutes

    for sentence in (
        f"{passwords.LEAST_LENGTH} to {passwords.MOST_LENGTH} characters",
        f"at least {passwords.LEAST_DISTINCT} different ones",
        f"{limits.attempts_per_minute} times a minute",
        f"After {limits.failures} failures",
        f"waits {first} minute for it, after {limits.failures} more {second},",
        f"then {third}, then {last};",
        f"lives {tokens.LIFETIME_SECONDS // 60} minutes",
        f"within {sessions.IDLE.days} days",
        f"{sessions.ABSOLUTE.days} days in all",
        f"within {sessions.REPEAT_WITHIN.seconds} s",
        f"at most {sessions.MOST_SESSIONS} sessions",
    ):
        assert sentence in section
