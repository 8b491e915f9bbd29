"""`rangka service`: what it prints, and its exit codes."""

import argparse
import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from publishing_world import NAME, NOTE, Shelf, fresh_name, items

from engine.cli import service
from engine.settings import Settings, StartupError
from metadata import bundle

Rangka = Callable[..., int]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def rangka(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Rangka:
    """Run `rangka service …` on the database of this run; return its exit code."""
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    parser = argparse.ArgumentParser()
    service.register(parser.add_subparsers())

    def run(*argv: object) -> int:
        args = parser.parse_args(["service", *map(str, argv)])
        return int(args.run(args))

    return run


@pytest.fixture
def name() -> str:
    return fresh_name()


@pytest.fixture
def folder(tmp_path: Path, name: str) -> Path:
    return write(tmp_path / "one", name, NAME, NOTE)


def write(folder: Path, name: str, *fields: dict[str, Any], **options: Any) -> Path:
    bundle.dump(items(name, *fields, **options), folder)
    return folder


def test_a_folder_is_validated_planned_published_and_exported(
    rangka: Rangka, folder: Path, name: str, tmp_path: Path, capsys: Any
) -> None:
    assert rangka("validate", folder) == 0
    assert capsys.readouterr().out == f"{name}: nothing is wrong\n"

    assert rangka("plan", folder) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{name}: from nothing to version 1\n")
    assert "Create the table of items" in told
    assert "FORCE ROW LEVEL SECURITY" in told
    assert told.endswith("It can be published.\n")

    assert rangka("publish", folder, "--comment", "first") == 0
    assert capsys.readouterr().out == f"{name} version 1 published\n"

    assert rangka("export", name, tmp_path / "out") == 0
    listed = capsys.readouterr().out.split()
    assert str(tmp_path / "out" / "service.json") in listed
    assert bundle.load(tmp_path / "out") == bundle.load(folder)


def test_publishing_a_folder_again_makes_no_new_version(
    rangka: Rangka, folder: Path, name: str, capsys: Any
) -> None:
    rangka("publish", folder)
    capsys.readouterr()

    assert rangka("publish", folder) == 0
    assert capsys.readouterr().out == f"{name} version 1 is published already\n"
    assert rangka("plan", folder) == 0
    assert "version 1 is published already" in capsys.readouterr().out


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*/service.json")))
def test_an_example_read_back_from_the_store_is_the_same(
    rangka: Rangka, example: Path, capsys: Any
) -> None:
    rangka("publish", example.parent)
    capsys.readouterr()

    assert rangka("publish", example.parent) == 0
    assert "is published already" in capsys.readouterr().out


def test_what_is_wrong_is_listed_with_its_place_and_remedy(
    rangka: Rangka,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    write(tmp_path / "bad", name, NAME, title_field="nome")
    monkeypatch.chdir(tmp_path)
    folder = "bad"

    assert rangka("validate", folder) == 1
    told = capsys.readouterr().out
    place = "bad/entities/1_items.json/title_field"
    assert told.startswith(f'error: {place}: there is no field "nome". ')
    assert "There are: name." in told
    assert rangka("plan", folder) == 1
    assert "It cannot be published." in capsys.readouterr().out
    assert rangka("publish", folder) == 1
    shown = capsys.readouterr()
    assert "The definition has errors" in shown.err
    assert "nome" in shown.err
    assert shown.out == ""


def test_destroying_needs_the_names_that_the_plan_gives(
    rangka: Rangka, folder: Path, tmp_path: Path, name: str, capsys: Any
) -> None:
    rangka("publish", folder)
    smaller = write(tmp_path / "two", name, NAME)
    capsys.readouterr()

    assert rangka("plan", smaller) == 0
    told = capsys.readouterr().out
    assert "DESTROYS the values of this field of 0 records" in told
    last = told.splitlines()[-1]
    assert last.startswith("It cannot be published without your consent")
    assert last.endswith(" add to publish: --accept-loss items.note")
    assert "It can be published" not in told
    assert rangka("publish", smaller) == 1
    refused = capsys.readouterr().err
    assert "Accept each loss by name" in refused
    assert "To consent, add: --accept-loss items.note\n" in refused
    assert rangka("publish", smaller, "--accept-loss", "items.note") == 0
    assert "version 2 published" in capsys.readouterr().out


def test_values_that_do_not_fit_are_shown(
    rangka: Rangka,
    folder: Path,
    tmp_path: Path,
    name: str,
    settings: Settings,
    capsys: Any,
) -> None:
    rangka("publish", folder)
    asyncio.run(Shelf(settings).insert(f"{name}.items", name="far too long"))
    shorter = write(tmp_path / "two", name, {**NAME, "max_length": 3}, NOTE)
    capsys.readouterr()

    assert rangka("plan", shorter) == 1
    assert "DOES NOT FIT: 1 values: 'far too long'" in capsys.readouterr().out
    assert rangka("publish", shorter) == 1
    assert "Correct them" in capsys.readouterr().err


def test_json_is_one_object_whatever_happens(
    rangka: Rangka, folder: Path, tmp_path: Path, name: str, capsys: Any
) -> None:
    def told(*argv: object) -> tuple[int, Any]:
        code = rangka(*argv, "--json")
        shown = capsys.readouterr()
        assert shown.err == ""
        return code, json.loads(shown.out)

    assert told("validate", folder) == (0, {"valid": True, "findings": []})
    code, plan = told("plan", folder)
    assert (code, plan["publishable"], plan["to_version"]) == (0, True, 1)
    code, done = told("publish", folder)
    assert (code, done["version"], done["unfinished"]) == (0, 1, 0)
    smaller = write(tmp_path / "two", name, NAME)
    code, refused = told("publish", smaller)
    assert (code, refused["error"]["code"]) == (1, "needs_consent")
    assert refused["error"]["plan"]["losses"] == ["items.note"]
    code, exported = told("export", name, tmp_path / "out")
    assert (code, exported["version"]) == (0, 1)
    assert told("drift", name) == (0, {"in_step": True, "differences": []})
    bad = write(tmp_path / "bad", name, NAME, title_field="nome")
    code, wrong = told("validate", bad)
    assert (code, wrong["valid"]) == (1, False)
    assert wrong["findings"][0]["code"] == "unknown_field"


def test_tables_that_were_changed_by_hand_are_named_with_a_remedy(
    rangka: Rangka, folder: Path, name: str, settings: Settings, capsys: Any
) -> None:
    rangka("publish", folder)
    capsys.readouterr()
    assert rangka("drift", name) == 0
    assert capsys.readouterr().out == f"{name}: the tables are as published\n"

    change = f'ALTER TABLE "svc_{name}"."items" ALTER COLUMN name DROP NOT NULL'
    asyncio.run(Shelf(settings).run(change))

    assert rangka("drift", name) == 1
    told = capsys.readouterr().out
    assert f"{name}: the column name of items is 'text'" in told
    assert "SET NOT NULL" in told


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("validate", "no-such-folder"), "there is no such file"),
        (("plan", "no-such-folder"), "there is no such file"),
        (("publish", "no-such-folder"), "there is no such file"),
        (("export", "nosuch", "out"), "no published service nosuch"),
        (("drift", "nosuch"), "no service nosuch"),
    ],
)
def test_what_is_not_there_is_said(
    rangka: Rangka, argv: tuple[str, ...], told: str
) -> None:
    with pytest.raises(StartupError, match=told):
        rangka(*argv)


def test_the_readmes_service_in_one_file_plans_a_table(
    rangka: Rangka, tmp_path: Path, capsys: Any
) -> None:
    section = (ROOT / "README.md").read_text().partition("## A service in one file")[2]
    text = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert text is not None
    folder = tmp_path / "my-books"
    folder.mkdir()
    (folder / "service.json").write_text(text[1])

    for place in (folder, folder / "service.json"):
        assert rangka("plan", place) == 0
        told = capsys.readouterr().out
        assert "Create the table of books" in told
        assert 'CREATE TABLE "svc_books"."books"' in told


def test_an_export_asks_before_it_overwrites(
    rangka: Rangka, folder: Path, tmp_path: Path, name: str, capsys: Any
) -> None:
    rangka("publish", folder)
    out = write(tmp_path / "out", name, NAME)
    before = contents(out)

    with pytest.raises(StartupError, match=r"1_items\.json\. Overwrite it by --force"):
        rangka("export", name, out)
    assert contents(out) == before

    assert rangka("export", name, out, "--force") == 0
    assert contents(out) == contents(folder)
    (out / "service.py").write_text("# code of the service")
    assert rangka("export", name, out) == 0


def test_an_export_asks_before_it_mixes_with_other_files(
    rangka: Rangka, folder: Path, tmp_path: Path, name: str
) -> None:
    rangka("publish", folder)
    (tmp_path / "photos").mkdir()
    assert rangka("export", name, tmp_path / "photos") == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jpg").touch()

    with pytest.raises(StartupError, match=r"other holds something else: a\.jpg\. "):
        rangka("export", name, tmp_path / "other")
    with pytest.raises(StartupError, match=r"a\.jpg is a file"):
        rangka("export", name, tmp_path / "other" / "a.jpg")
    assert contents(tmp_path / "other") == {"a.jpg": b""}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
