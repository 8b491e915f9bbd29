"""`rangka user create` against the database of this run."""

import argparse
import io
from uuid import uuid4

import psycopg
import pytest

from engine.cli import user
from engine.settings import Settings


@pytest.fixture
def rangka(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Run a command line with a password on standard input; return its exit code."""
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    parser = argparse.ArgumentParser()
    user.register(parser.add_subparsers())

    def run(*argv: str, password: str = "kopi tubruk manis") -> int:  # noqa: S107
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        args = parser.parse_args(["user", "create", *argv, "--password-stdin"])
        return int(args.run(args))

    return run


def roles(settings: Settings, email: str) -> list[str]:
    with psycopg.connect(settings.system_database_url) as system:
        found = system.execute(
            "select r.name from rangka.users u join rangka.membership_roles mr "
            "on mr.user_id = u.id join rangka.roles r on r.tenant_id = mr.tenant_id "
            "and r.id = mr.role_id where u.email_key = %s order by 1",
            (email,),
        )
        return [row[0] for row in found.fetchall()]


def test_a_super_admin_is_made_and_again_without_harm(
    rangka, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    email = f"c{uuid4().hex[:12]}@example.com"

    codes = [rangka(email, "--super-admin") for _ in range(2)]

    told = capsys.readouterr().out
    assert codes == [0, 0]
    assert f"Made {email}." in told
    assert "its password stays" in told
    assert "kopi" not in told
    assert roles(settings, email) == ["SUPER_ADMIN"]


def test_roles_are_added_to_those_a_user_has(rangka, settings: Settings) -> None:
    email = f"c{uuid4().hex[:12]}@example.com"
    rangka(f"x{email}", "--super-admin")

    rangka(email, "--tenant", "core", "--role", "viewer")
    rangka(email, "--tenant", "core", "--role", "operator", "--role", "manager")

    assert roles(settings, email) == ["manager", "operator", "viewer"]


@pytest.mark.parametrize(
    ("argv", "password", "told"),
    [
        (("--tenant", "nowhere"), "kopi tubruk manis", "no tenant with the slug"),
        (("--super-admin",), "short", "password: Enter 12 to 128 characters"),
        (("--tenant", "core", "--role", "x"), "kopi tubruk manis", 'no role "x"'),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_made(
    rangka,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    argv: tuple[str, ...],
    password: str,
    told: str,
) -> None:
    rangka(f"x{uuid4().hex[:12]}@example.com", "--super-admin")
    email = f"c{uuid4().hex[:12]}@example.com"

    code = rangka(email, *argv, password=password)

    assert code == 1
    assert told in capsys.readouterr().err
    with psycopg.connect(settings.system_database_url) as system:
        found = system.execute(
            "select 1 from rangka.users where email_key = %s", (email,)
        )
        assert found.fetchone() is None


def test_roles_do_not_go_with_a_super_admin(rangka) -> None:
    assert rangka("c@example.com", "--super-admin", "--role", "viewer") == 2
