"""A service as a folder and as a ZIP file: the same bytes again, nothing hostile in."""

import io
import json
import re
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata import bundle
from metadata.checks import check_service
from metadata.definitions import Menu, Service, as_json, author_schema
from registry import builtin

FOLDERS = [
    *(builtin.folder(name) for name in builtin.NAMES),
    Path(__file__).parents[2] / "examples" / "tasks",
]
AUTHORS = jsonschema.Draft202012Validator(author_schema())
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
LABELS = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    st.dictionaries(st.sampled_from(["en", "id"]), st.just("Zäh — ✓"), min_size=1),
)


def field(number: int, kind: str, label: Any, required: bool) -> dict[str, Any]:
    options = {"choice": {"options": ["a", "b"]}, "money": {"currency": "IDR"}}
    return {
        "id": f"f{number}",
        "name": f"field_{number}",
        "type": kind,
        "label": label,
        "required": required,
        **options.get(kind, {}),
    }


@st.composite
def services(draw: st.DrawFn) -> Service:
    kinds = st.sampled_from(["text", "integer", "choice", "money", "date", "tags"])
    entities = [
        {
            "id": name,
            "name": name,
            "label": draw(LABELS),
            "fields": [
                field(i, draw(kinds), draw(LABELS), draw(st.booleans()))
                for i in range(draw(st.integers(1, 3)))
            ],
            "soft_delete": draw(st.booleans()),
        }
        for name in draw(st.lists(NAMES, max_size=12, unique=True))
    ]
    items = [
        {"id": name, "name": name, "path": "/x"}
        for name in draw(st.lists(NAMES, max_size=2, unique=True))
    ]
    return Service.model_validate(
        {
            "id": "made",
            "name": "made",
            "label": draw(LABELS),
            "entities": entities,
            "menu": {"items": items},
        }
    )


@settings(max_examples=25, deadline=None)
@given(services())
def test_dumped_loaded_and_dumped_again_is_byte_for_byte_the_same(
    service: Service,
) -> None:
    with tempfile.TemporaryDirectory() as place:
        first, second = Path(place, "first"), Path(place, "second")
        bundle.dump(service, first)
        loaded = bundle.load(first)
        bundle.dump(loaded, second)
        assert loaded == service
        assert contents(first) == contents(second)


@settings(max_examples=25, deadline=None)
@given(services())
def test_a_zip_is_read_as_it_was_written(service: Service) -> None:
    packed = bundle.to_zip(service)
    assert bundle.from_zip(packed) == service
    assert bundle.to_zip(bundle.from_zip(packed)) == packed


@settings(max_examples=25, deadline=None)
@given(services())
def test_the_canonical_form_fits_the_schema_for_authors(service: Service) -> None:
    AUTHORS.validate(as_json(service))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_what_ships_survives_a_round_trip(folder: Path, tmp_path: Path) -> None:
    service = bundle.load(folder)
    bundle.dump(service, tmp_path)
    assert bundle.load(tmp_path) == service
    assert bundle.from_zip(bundle.to_zip(service)) == service


def test_a_dump_takes_away_entities_that_are_gone(tmp_path: Path) -> None:
    service = bundle.load(FOLDERS[-1])
    bundle.dump(service, tmp_path)
    fewer = service.model_copy(update={"entities": service.entities[:1]})
    (tmp_path / "README.md").write_text("mine")
    bundle.dump(fewer, tmp_path)
    assert [e.name for e in bundle.load(tmp_path).entities] == ["projects"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_dump_takes_away_the_menu_that_is_gone(tmp_path: Path) -> None:
    service = bundle.load(builtin.folder("plans"))
    bundle.dump(service, tmp_path)
    assert (tmp_path / "menu.json").exists()
    bundle.dump(service.model_copy(update={"menu": Menu()}), tmp_path)
    assert not (tmp_path / "menu.json").exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.json")
    }


# -- hostile ZIP files ---------------------------------------------------------------

SERVICE = json.dumps({"id": "a", "name": "a"}).encode()


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/service.json", SERVICE)
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("a/menu.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def encrypted() -> bytes:
    """Return a ZIP file whose directory says that its file is encrypted."""
    raw = bytearray(packed())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    return bytes(raw)


def corrupted() -> bytes:
    raw = bytearray(packed())
    raw[len("a/service.json") + 32] ^= 0xFF
    return bytes(raw)


def bomb() -> bytes:
    return packed(("a/entities/1_x.json", b" " * (bundle.MAX_BYTES + 1)))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_zip"),
        (b"PK\x03\x04 nothing", "no_zip"),
        (packed()[:-30], "no_zip"),
        (corrupted(), "no_zip"),
        (packed(("../../etc/cron.d/x", b"")), "outside"),
        (packed(("/etc/passwd", b"")), "outside"),
        (packed(("a\\..\\b.json", b"")), "outside"),
        (packed(("c:/x.json", b"")), "outside"),
        (packed((link(), b"/etc/passwd")), "link"),
        (packed(("A/SERVICE.json", SERVICE)), "duplicate"),
        (encrypted(), "encrypted"),
        (packed(*((f"a/{i}.txt", b"") for i in range(501))), "too_many"),
        (bomb(), "too_large"),
        (packed(("a/entities/1_x.json", b"[" * 100_000)), "malformed_json"),
        (packed(("a/menu.json", b"\xff\xfe")), "malformed_json"),
    ],
)
def test_a_hostile_zip_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(bundle.BundleError) as caught:
        bundle.from_zip(content)
    assert {finding.code for finding in caught.value.findings} == {code}
    assert all(finding.remedy for finding in caught.value.findings)


def test_a_duplicate_of_the_same_name_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = packed(("a/service.json", SERVICE))
    with pytest.raises(bundle.BundleError) as caught:
        bundle.from_zip(content)
    assert [finding.code for finding in caught.value.findings] == ["duplicate"]


def test_a_zip_without_a_folder_and_with_other_files_is_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("service.json", SERVICE)
        archive.writestr("README.md", b"\xff not ours")
        archive.writestr("service.py", b"raise SystemExit")
    assert bundle.from_zip(buffer.getvalue()).name == "a"


# -- small services in one file ------------------------------------------------------


README = Path(__file__).parents[2] / "README.md"
BOOKS = re.search(
    r"## A service in one file.*?```json\n(.*?)```", README.read_text(), re.DOTALL
)


def test_the_readmes_service_has_its_entity(tmp_path: Path) -> None:
    assert BOOKS is not None
    (tmp_path / "service.json").write_text(BOOKS[1])
    service = bundle.load(tmp_path)
    assert [field.name for field in service.entities[0].fields] == [
        "title",
        "price",
        "status",
    ]
    assert check_service(service, others={}) == []
    assert bundle.load(tmp_path / "service.json") == service


def write(folder: Path, **files: object) -> None:
    for name, document in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))


def entity(name: str) -> dict[str, object]:
    field = {"id": "t", "name": "title", "type": "text"}
    return {"id": name, "name": name, "fields": [field]}


SMALL = {"id": "small", "name": "small"}


def test_entities_in_the_file_and_in_the_folder_come_together(tmp_path: Path) -> None:
    write(
        tmp_path,
        service={**SMALL, "entities": [entity("a")]},
        entities__b=entity("b"),
    )
    assert [each.name for each in bundle.load(tmp_path).entities] == ["a", "b"]


def test_an_entity_in_two_places_is_refused_with_both(tmp_path: Path) -> None:
    write(
        tmp_path,
        service={**SMALL, "entities": [entity("a")]},
        entities__b={**entity("b"), "name": "a"},
    )
    with pytest.raises(bundle.BundleError) as caught:
        bundle.load(tmp_path)
    [finding] = caught.value.findings
    assert finding.path == "/entities/b.json"
    assert "service.json/entities/0" in finding.message


def test_places_are_shown_as_the_author_named_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("books", "bad"):
        (tmp_path / name).mkdir()
    both = {**SMALL, "entities": [entity("a")]}
    write(tmp_path / "books", service=both, entities__b=entity("b"), menu={"items": []})
    write(tmp_path, one=both, wrong={**SMALL, "entites": []})
    source = bundle.read(Path("books"))
    assert source.shown("/label") == "books/service.json/label"
    assert source.shown("/entities/0/label") == "books/service.json/entities/0/label"
    assert source.shown("/entities/1/label") == "books/entities/b.json/label"
    assert source.shown("/menu/items/0") == "books/menu.json/items/0"
    assert source.shown("/entities") == "books/service.json/entities"
    assert source.shown("") == "books/service.json"
    assert source.shown("b.title") == "b.title"
    assert bundle.read(Path("books/service.json")) == source
    assert bundle.read(Path("one.json")).shown("/menu") == "one.json/menu"
    for place, told in (
        ("nope", "nope/service.json: there is no such file. Name"),
        ("bad/service.json", "bad/service.json: there is no such file. Name"),
        ("wrong.json", "wrong.json/entites: Nothing of this name belongs here. Take"),
    ):
        with pytest.raises(bundle.BundleError) as caught:
            bundle.load(Path(place))
        assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    "name",
    ["menu.yaml", "entity/a.json", "entities/a.JSON", "entities/b/a.json", "x.json"],
)
def test_a_file_that_looks_like_a_part_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    path = folder / name
    path.parent.mkdir(parents=True)
    (folder / "service.json").write_bytes(SERVICE)
    path.write_bytes(b"{}")
    for work in (lambda: bundle.load(folder), lambda: from_entries(name)):
        with pytest.raises(bundle.BundleError) as caught:
            work()
        assert {f.code for f in caught.value.findings} == {"unknown_file"}
        assert all("entities/<name>.json" in f.remedy for f in caught.value.findings)


def from_entries(name: str) -> Service:
    return bundle.from_zip(packed((f"a/{name}", b"{}")))


def test_what_nobody_takes_for_a_part_may_stand_beside_it(tmp_path: Path) -> None:
    write(tmp_path, service=SMALL)
    for name in (".vscode/settings.json", "README.md", "service.py", "inner/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{")
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", service={"id": "o", "name": "o"}, menu={"items": []})
    assert bundle.load(tmp_path).name == "small"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"service": {**SMALL, "entities": {}}}, "/service.json/entities"),
        (
            {"service": {**SMALL, "entities": {}}, "entities__a": entity("a")},
            "/service.json/entities",
        ),
        ({"service": {**SMALL, "entites": []}}, "/service.json/entites"),
        ({"service": {**SMALL, "entities": [{}]}}, "/service.json/entities/0/id"),
        ({"service": SMALL, "entities__a": {}}, "/entities/a.json/id"),
        ({"service": SMALL, "entity": entity("a")}, "/entity.json"),
        ({"service": {**SMALL, "menu": {}}, "menu": {"items": []}}, "/menu.json"),
    ],
)
def test_nothing_of_a_folder_is_passed_over_in_silence(
    tmp_path: Path, files: dict[str, object], path: str
) -> None:
    write(tmp_path, **files)
    with pytest.raises(bundle.BundleError) as caught:
        bundle.load(tmp_path)
    assert path in {finding.path for finding in caught.value.findings}
