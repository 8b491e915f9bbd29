"""The command frame: help at every level, exit codes, wrong usage."""

import argparse
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from engine import migrations
from engine.cli import COMMANDS, build_parser, demo, main
from engine.settings import Settings


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_level_explains_itself(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(" ".join(["usage: rangka", *command]))
    assert "None" not in shown


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n    {name} " in shown


@pytest.mark.parametrize("argv", [[], ["fly"], ["serve", "--port", "x"]])
def test_wrong_usage_is_exit_code_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)

    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_refused_start_is_one_message_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANGKA_PORT", "x")

    assert main(["migrate"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("rangka: RANGKA_PORT")
    assert "Traceback" not in said


_NEEDS_INSTALLATION = [
    ["doctor"],
    ["doctor", "--json"],
    *(["service", name, "books"] for name in ("validate", "plan", "publish")),
    ["service", "export", "books", "out"],
    ["service", "drift"],
    ["user", "create", "a@example.com", "--tenant", "x", "--password-stdin"],
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder but for a service, without any RANGKA_… variable."""
    for name in [name for name in os.environ if name.startswith("RANGKA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "service.json").write_text('{"id": "s", "name": "books"}')
    return tmp_path


@pytest.mark.parametrize("argv", _NEEDS_INSTALLATION)
@pytest.mark.parametrize(
    ("folder", "shown"), [([], "./var"), (["--data-dir", "empty"], "empty")]
)
def test_commands_for_an_installation_make_none(
    argv: list[str],
    folder: list[str],
    shown: str,
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (home / "empty").mkdir()
    before = sorted(home.rglob("*"))

    assert main([*argv, *folder]) == 2

    told = capsys.readouterr()
    assert (
        f"There is no installation in {shown}. Start one with rangka demo or rangka "
        "serve, or name its folder by --data-dir." in told.out + told.err
    )
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("argv", _NEEDS_INSTALLATION)
@pytest.mark.parametrize("embedded", [True, False])
def test_commands_for_an_installation_make_no_key(
    argv: list[str],
    embedded: bool,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if embedded:
        (home / "var" / "postgres" / "cluster").mkdir(parents=True)
    else:
        monkeypatch.setenv("RANGKA_DATABASE_URL", "postgresql://a@127.0.0.1:1/a")
    before = sorted(home.rglob("*"))

    assert main(argv) == 2

    told = capsys.readouterr()
    assert "There is no secret.key in ./var." in told.out + told.err
    assert sorted(home.rglob("*")) == before


def test_doctor_says_what_a_machine_has_before_there_is_an_installation(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 2

    told = capsys.readouterr().out
    for name in ("Python", "PostgreSQL programs", "installation", "Chromium"):
        assert f" {name}: " in told
    assert not (home / "var").exists()


def test_revisions_are_in_the_order_of_their_files() -> None:
    found = migrations.revisions()

    assert found[0] == "0001"
    assert list(found) == sorted(set(found))


def commands_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return every command that runs something, as it is typed."""
    inner = [
        command
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for command in action.choices.values()
    ]
    return set().union(*map(commands_of, inner)) if inner else {parser.prog}


def test_the_operations_manual_lists_every_command_and_no_other() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    listed = re.findall(r"^\| `(rangka [^`]+)` \|", manual, re.MULTILINE)

    assert "rangka service drift" in listed
    assert len(listed) == len(set(listed))
    assert set(listed) == commands_of(build_parser())


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_taken_port_is_said_before_anything_is_loaded(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        argv = [command, "--data-dir", str(tmp_path / "demo"), "--port", str(port)]
        assert main(argv) == 2
    assert capsys.readouterr().err == (
        f"rangka: Port {port} of 127.0.0.1 is taken: another program listens there. "
        "Stop it, or choose another port by --port.\n"
    )
    assert not (tmp_path / "demo" / "postgres").exists()


def test_validate_and_drift_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    told = {}
    for name in ("validate", "drift"):
        with pytest.raises(SystemExit):
            main(["service", name, "--help"])
        told[name] = " ".join(capsys.readouterr().out.split())
    assert "definition in a folder" in told["validate"]
    assert "Looks at no tables" in told["validate"]
    assert "tables in the database" in told["drift"]
    assert "Reads no folder" in told["drift"]


SHOWN: dict[str, Any] = {
    "url": "http://127.0.0.1:8000",
    "logins": [
        {"role": "SUPER_ADMIN", "email": "a@b.test", "password": "p", "tenant": "core"}
    ],
}


def test_the_demo_tells_where_to_log_in_when_it_is_served() -> None:
    router = {"address": "127.0.0.1:8728", "process": 7}
    told = demo._text({**SHOWN, "router": router})
    assert "Open http://127.0.0.1:8000 and log in:" in told
    assert "a@b.test" in told
    assert "127.0.0.1:8728" in told
    assert "Ctrl-C stops it" in told


def test_the_demo_names_no_address_that_nothing_answers_at() -> None:
    told = demo._text(SHOWN)
    assert "a@b.test" in told
    assert "http://" not in told
    assert "Ctrl-C" not in told


@pytest.mark.parametrize(("given", "level"), [(None, "warning"), ("info", "info")])
def test_the_demo_logs_little_unless_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None, level: str
) -> None:
    environment = {} if given is None else {"RANGKA_LOG_LEVEL": given}
    monkeypatch.delenv("RANGKA_LOG_LEVEL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment(environment, data_dir=tmp_path)
    assert demo._with_examples(settings).log_level == level
