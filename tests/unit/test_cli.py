"""The command frame: help at every level, exit codes, wrong usage."""

import socket
from pathlib import Path

import pytest

from engine import migrations
from engine.cli import COMMANDS, main


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


def test_doctor_finds_no_database_in_an_empty_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 1

    assert "rangka migrate" in capsys.readouterr().out
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["doctor"],
        ["service", "validate", "x"],
        ["service", "drift"],
        ["user", "create", "a@example.com", "--tenant", "x", "--password-stdin"],
    ],
)
def test_commands_for_an_installation_make_none(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").mkdir()
    folder = tmp_path / "none"
    argv = [str(tmp_path / "x") if word == "x" else word for word in argv]
    if argv[1:2] == ["validate"]:
        (tmp_path / "x" / "service.json").write_text('{"id": "s", "name": "s"}')
    try:
        status = main([*argv, "--data-dir", str(folder)])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status in {1, 2}
    shown = capsys.readouterr()
    assert f"no installation in {folder}" in shown.out + shown.err
    assert not folder.exists()


def test_revisions_are_in_the_order_of_their_files() -> None:
    found = migrations.revisions()

    assert found[0] == "0001"
    assert list(found) == sorted(set(found))


def test_every_command_is_in_the_operations_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for name in COMMANDS:
        assert f"| `rangka {name}` |" in manual


def test_a_taken_port_stops_the_demo_before_it_loads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        argv = ["demo", "--data-dir", str(tmp_path / "demo"), "--port", str(port)]
        assert main(argv) == 2
    assert f"port {port}" in capsys.readouterr().err
    assert not (tmp_path / "demo" / "postgres").exists()
