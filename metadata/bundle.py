"""A service as a folder of JSON files: load and dump, deterministic.

    service.json            the service; small ones have entities and menu in it
    entities/<name>.json    one entity each, in the order of their file names
    menu.json               the menu, where there is one

What is loaded and dumped again is byte for byte the same: two spaces, keys in the
order of `definitions.py`, defaults left out.
"""

import io
import json
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from metadata.checks import Finding, read_service
from metadata.definitions import Service, as_json

MAX_FILES = 500
MAX_BYTES = 20 * 1024 * 1024


_TWO_MENUS = Finding(
    "error",
    "/menu.json",
    "duplicate",
    "service.json has a menu, too",
    "Keep one of the two.",
)
_DEFINITION_SUFFIXES = frozenset(
    {".json", ".json5", ".jsonc", ".toml", ".yaml", ".yml"}
)
"""Endings of files that an author may take for a part of the service."""


class BundleError(Exception):
    """A folder is no service.

    `findings` name the file in their path; the message names it as seen from where
    the author stands, when `place` says what he called the folder or file.
    """

    def __init__(self, findings: list[Finding], place: Path | None = None) -> None:
        lines = []
        for finding in findings:
            where = finding.path if place is None else _seen_from(place, finding.path)
            message = finding.message.removesuffix(".")
            lines.append(f"{where}: {message}. {finding.remedy}")
        super().__init__("\n".join(lines))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which file each part of a service stands in."""

    entities: tuple[str, ...]
    has_menu_file: bool

    def located(self, path: str) -> str:
        """Return a path into the definition with its file at the head."""
        parts = path.split("/")
        if len(parts) > 2 and parts[1] == "entities" and parts[2].isdigit():
            return "/".join(["", self.entities[int(parts[2])], *parts[3:]])
        if len(parts) > 1 and parts[1] == "menu" and self.has_menu_file:
            return "/".join(["", "menu.json", *parts[2:]])
        return f"/service.json{path}"


@dataclass(frozen=True, slots=True)
class Source:
    """A service that was read, and where its parts stand."""

    service: Service
    place: Path
    layout: _Layout

    def shown(self, path: str) -> str:
        """Return where a JSON Pointer into the definition points among the files.

        `/entities/0/label` of the folder `books` is `books/entities/1_a.json/label`.
        What is no pointer, such as the name of a field, stays.
        """
        if path and not path.startswith("/"):
            return path
        return _seen_from(self.place, self.layout.located(path))


def load(place: Path) -> Service:
    """Return the service of a folder, or of one file that holds all of it.

    Raises BundleError with everything wrong, a file included that looks like a part of
    the service and is none: what is not read must not look as if it were.
    """
    return read(place).service


def read(place: Path) -> Source:
    """Return the service of a folder or file with where its parts stand.

    `service.json` stands for its folder. Raises what `load` raises.
    """
    if place.name == "service.json":
        place = place.parent
    try:
        if place.is_file():
            files = {"service.json": place.read_bytes()}
        else:
            files = _files_in(place)
        service, layout = _assembled(files)
    except BundleError as error:
        raise BundleError(error.findings, place) from error
    except OSError as error:
        remedy = "Give this user the right to read it."
        raise BundleError(
            [Finding("error", "", "unreadable", str(error.strerror), remedy)], place
        ) from error
    return Source(service, place, layout)


def _files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a service by their paths in the folder."""
    if not (folder / "service.json").is_file():
        remedy = "Name the folder that holds the service's service.json."
        missing = "there is no such file"
        raise BundleError(
            [Finding("error", "/service.json", "missing", missing, remedy)]
        )
    inner = [
        child
        for child in folder.iterdir()
        if child.name == "entities"
        or (child.is_dir() and not (child / "service.json").is_file())
    ]
    names = sorted(
        path.relative_to(folder).as_posix()
        for each in (folder, *inner)
        for path in each.iterdir()
        if path.is_file() or each.name == "entities"
    )
    strangers = [_stranger(name) for name in names if _is_stranger(name)]
    if strangers:
        raise BundleError(strangers)
    return {name: (folder / name).read_bytes() for name in names if _belongs(name)}


def _assembled(files: dict[str, bytes]) -> tuple[Service, _Layout]:
    """Return the service of files by their paths in the folder."""
    findings: list[Finding] = []
    documents: dict[str, Any] = {}
    for name, content in files.items():
        try:
            documents[name] = json.loads(content)
        except (ValueError, RecursionError) as error:
            remedy = "Correct the JSON syntax."
            findings.append(
                Finding("error", f"/{name}", "malformed_json", str(error), remedy)
            )
    raw = documents.get("service.json")
    if not findings and not isinstance(raw, dict):
        findings.append(
            Finding("error", "/service.json", "missing", "not a JSON object", "Add it.")
        )
    if findings or not isinstance(raw, dict):
        raise BundleError(findings)
    raw, layout, findings = _joined(raw, documents)
    if findings:
        raise BundleError(findings)
    service, findings = read_service(raw)
    if service is None:
        raise BundleError([replace(f, path=layout.located(f.path)) for f in findings])
    return service, layout


def _joined(
    raw: dict[str, Any], documents: dict[str, Any]
) -> tuple[dict[str, Any], _Layout, list[Finding]]:
    """Return service.json with the other files in it, and what stands twice."""
    findings: list[Finding] = []
    inline = raw.get("entities", [])
    files = sorted(name for name in documents if name.startswith("entities/"))
    places: list[str] = []
    # Entities that are no list are left as they are, for the finding that says so.
    if isinstance(inline, list):
        places = [f"service.json/entities/{i}" for i in range(len(inline))] + files
        entities = [*inline, *(documents[name] for name in files)]
        findings.extend(_twice(entities, places))
        if files:
            raw = {**raw, "entities": entities}
    if "menu.json" in documents:
        if "menu" in raw:
            findings.append(_TWO_MENUS)
        raw = {**raw, "menu": documents["menu.json"]}
    return raw, _Layout(tuple(places), "menu.json" in documents), findings


def _twice(entities: list[Any], places: list[str]) -> Iterator[Finding]:
    """Yield the entities that stand in two places."""
    for key in ("name", "id"):
        first: dict[str, str] = {}
        for entity, place in zip(entities, places, strict=True):
            value = entity.get(key) if isinstance(entity, dict) else None
            if not isinstance(value, str):
                continue
            if value in first:
                message = f'{first[value]} has an entity of the {key} "{value}", too'
                remedy = f"Keep one of the two, or give each its own {key}."
                yield Finding("error", f"/{place}", "duplicate", message, remedy)
            first.setdefault(value, place)


def dump(service: Service, folder: Path) -> list[Path]:
    """Write a service as a folder; returns the files written.

    Entity and menu files of earlier dumps that no longer belong to it are removed.
    """
    wanted = files_of(service)
    written = []
    for name, content in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    for path in (folder / "menu.json", *folder.glob("entities/*.json")):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink(missing_ok=True)
    return written


def files_of(service: Service) -> dict[str, bytes]:
    """Return the files of a service by their paths in the folder."""
    whole = as_json(service)
    entities = whole.pop("entities", [])
    menu = whole.pop("menu", None)
    files = {"service.json": _text(whole)}
    width = len(str(len(entities)))
    for index, entity in enumerate(entities, start=1):
        # The number keeps the author's order, which the menu and forms follow.
        files[f"entities/{index:0{width}}_{entity['name']}.json"] = _text(entity)
    if menu and menu.get("items"):
        files["menu.json"] = _text(menu)
    return files


def to_zip(service: Service) -> bytes:
    """Return the folder as a ZIP file with fixed times, so equal is equal."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files_of(service).items():
            entry = zipfile.ZipInfo(f"{service.name}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def from_zip(content: bytes) -> Service:
    """Return the service of a ZIP file, the inverse of `to_zip`.

    One folder around everything is taken off; code and texts are left aside. Raises
    BundleError with everything wrong: entries that point outside, links, doubles,
    encryption, more than 500 entries, 20 MiB unpacked (counted while unpacking,
    whatever the file says of itself), and what `load` finds in a folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            findings = list(_unsafe(entries))
            if findings:
                raise BundleError(findings)
            return _assembled(dict(_unpacked(archive, entries)))[0]
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        OSError,
    ) as error:
        raise BundleError(
            [_problem("", "no_zip", f"this is no readable ZIP file: {error}")]
        ) from error


def _unsafe(entries: list[zipfile.ZipInfo]) -> Iterator[Finding]:
    """Yield what is wrong with the entries, before any is unpacked."""
    if len(entries) > MAX_FILES:
        yield _problem("", "too_many", f"there are more than {MAX_FILES} files")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or set(name) & set("\\:\0"):
            yield _problem(name, "outside", "the file points outside the folder")
        if stat.S_ISLNK(entry.external_attr >> 16):
            yield _problem(name, "link", "the file is a link")
        if entry.flag_bits & 1:
            yield _problem(name, "encrypted", "the file is encrypted")
        if name.lower() in seen:
            yield _problem(name, "duplicate", "the file stands twice")
        seen.add(name.lower())


def _unpacked(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]
) -> Iterator[tuple[str, bytes]]:
    """Yield the bundle's files by their paths in the folder."""
    roots = {entry.filename.partition("/")[0] for entry in entries}
    wrapped = len(roots) == 1 and all("/" in entry.filename for entry in entries)
    left = MAX_BYTES
    strangers: list[Finding] = []
    for entry in sorted(entries, key=lambda item: item.filename):
        name = entry.filename.partition("/")[2] if wrapped else entry.filename
        if not _belongs(name):
            strangers.extend([_stranger(name)] if _is_stranger(name) else [])
            continue
        with archive.open(entry) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise BundleError(
                [_problem(name, "too_large", f"over {MAX_BYTES >> 20} MiB unpacked")]
            )
        yield name, content
    if strangers:
        raise BundleError(strangers)


def _belongs(name: str) -> bool:
    folder, slash, rest = name.rpartition("/")
    if slash:
        return folder == "entities" and rest.endswith(".json")
    return name in {"service.json", "menu.json"}


def _is_stranger(name: str) -> bool:
    """Return whether an author may take the file for a part, and it is none."""
    path = PurePosixPath(name)
    if any(p.startswith(".") or p in {"__MACOSX", "__pycache__"} for p in path.parts):
        return False
    looks_so = path.suffix.lower() in _DEFINITION_SUFFIXES
    return not _belongs(name) and (looks_so or path.parts[0] == "entities")


def _stranger(name: str) -> Finding:
    return Finding(
        "error",
        f"/{name}",
        "unknown_file",
        "a service has no such file",
        "Entities stand in entities/<name>.json, the menu in menu.json; rename it, or "
        "take it out of the folder.",
    )


def _problem(name: str, code: str, message: str) -> Finding:
    remedy = "Pack the service's folder again, as the export does."
    return Finding("error", f"/{name}", code, message, remedy)


def _text(document: Any) -> bytes:
    if isinstance(document, BaseModel):
        document = as_json(document)
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _seen_from(place: Path, path: str) -> str:
    """Return a finding's path as it is seen from where the author named `place`."""
    parts = path.split("/")[1:]
    # A single file is the service.json that the path begins with.
    return str(place.joinpath(*(parts[1:] if place.is_file() else parts)))
