"""Code of services comes from configured folders, complete or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import builtin, external

GOOD = 'from registry.service import Service\nservice = Service("{name}")\n'
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(name: str, code: str | None, *, parent: str = "") -> Path:
        folder = tmp_path / parent / name
        folder.mkdir(parents=True)
        document = {"id": name, "name": name}
        (folder / "service.json").write_text(json.dumps(document))
        if code is not None:
            (folder / "service.py").write_text(code.format(name=name))
            (folder / "service.py").chmod(0o644)
        return folder

    return made


def test_without_folders_there_are_the_built_in_services() -> None:
    for folders in (None, "", " : "):
        assert dict(external.load(folders)) == dict(builtin.CODE)


def test_code_is_found_in_a_folder_and_below_it(make: Make, tmp_path: Path) -> None:
    make("one", GOOD, parent="many")
    make("only-json", None, parent="many")
    single = make("two", GOOD)
    (tmp_path / "many" / "notes").mkdir()
    found = external.load(f"{tmp_path / 'many'}:{single}")
    assert set(found) == {*builtin.CODE, "one", "two"}
    assert found["one"].name == "one"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("service = 1\n", 'no `service = Service("shop")`'),
        (GOOD.replace("{name}", "other"), 'no `service = Service("shop")`'),
        ("import nothing_like_this\n", "nothing_like_this"),
        ("def broken(:\n", "invalid syntax"),
    ],
)
def test_code_that_does_not_load_stops_the_start(
    make: Make, code: str, said: str
) -> None:
    folder = make("shop", code)
    with pytest.raises(external.CodeError) as caught:
        external.load(str(folder))
    assert str(folder / "service.py") in str(caught.value)
    assert said in str(caught.value)


def test_code_that_anybody_may_write_is_not_run(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    folder = make("shop", f"open({str(mark)!r}, 'w')\n")
    (folder / "service.py").chmod(0o666)
    with pytest.raises(external.CodeError, match="everybody may write it"):
        external.load(str(folder))
    assert not mark.exists()


def test_nobody_takes_the_place_of_another_service(make: Make) -> None:
    first, second = make("shop", GOOD), make("shop", GOOD, parent="again")
    with pytest.raises(external.CodeError, match="code of shop already"):
        external.load(f"{first}:{second}")
    customers = make("customers", GOOD)
    with pytest.raises(external.CodeError, match="code of customers already"):
        external.load(str(customers))
    plans = make("plans", GOOD)
    with pytest.raises(external.CodeError, match="code of plans already"):
        external.load(str(plans))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(external.CodeError, match="RANGKA_SERVICES_PATH"):
        external.load(str(tmp_path / "nowhere"))
