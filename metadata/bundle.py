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


class BundleError(Exception):
    """A folder is no service. `findings` name the file in their path."""

    def __init__(self, findings: list[Finding]) -> None:
        lines = [f"{f.path}: {f.message}. {f.remedy}" for f in findings]
        super().__init__("\n".join(lines))
        self.findings = findings


def load(place: Path) -> Service:
    """Return the service of a folder, or of one file that holds all of it.

    Raises BundleError with everything wrong, a JSON file included that has no part in
    a service: what is not read must not look as if it were.
    """
    if place.is_file():
        return assemble({"service.json": place.read_bytes()})
    if not (place / "service.json").is_file():
        raise BundleError(
            [
                Finding(
                    "error",
                    str(place / "service.json"),
                    "missing",
                    "there is no such file",
                    "Name the folder that holds the service's service.json.",
                )
            ]
        )
    files = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted([*place.glob("*.json"), *place.glob("entities/*.json")])
    }
    strangers = [
        Finding(
            "error",
            f"/{name}",
            "unknown_file",
            "a service has no such file",
            "Entities stand in entities/, the menu in menu.json; move or rename it.",
        )
        for name in files
        if not _belongs(name)
    ]
    if strangers:
        raise BundleError(strangers)
    return assemble(files)


def assemble(files: dict[str, bytes]) -> Service:
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
    names = sorted(name for name in documents if name.startswith("entities/"))
    inline = raw.get("entities", [])
    if names:
        if not isinstance(inline, list):
            inline = []
        raw = {**raw, "entities": [*inline, *(documents[name] for name in names)]}
    if "menu.json" in documents:
        if "menu" in raw:
            raise BundleError([_TWO_MENUS])
        raw = {**raw, "menu": documents["menu.json"]}
    if isinstance(inline, list):
        names = [f"service.json/entities/{i}" for i in range(len(inline))] + names
    service, findings = read_service(raw)
    if service is None:
        has_menu_file = "menu.json" in documents
        raise BundleError(
            [_in_file(each, names, has_menu_file=has_menu_file) for each in findings]
        )
    return service


def dump(service: Service, folder: Path) -> list[Path]:
    """Write a service as a folder; returns the files written.

    Entity files of earlier dumps that no longer belong to it are removed.
    """
    wanted = files_of(service)
    written = []
    for name, content in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    for path in folder.glob("entities/*.json"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
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

    One folder around everything is taken off; files that are no part of a bundle are
    left aside. Raises BundleError with everything wrong: entries that point outside,
    links, doubles, encryption, more than 500 entries, 20 MiB unpacked (counted while
    unpacking, whatever the file says of itself), and what `assemble` finds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            findings = list(_unsafe(entries))
            if findings:
                raise BundleError(findings)
            return assemble(dict(_unpacked(archive, entries)))
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
    for entry in sorted(entries, key=lambda item: item.filename):
        name = entry.filename.partition("/")[2] if wrapped else entry.filename
        if not _belongs(name):
            continue
        with archive.open(entry) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise BundleError(
                [_problem(name, "too_large", f"over {MAX_BYTES >> 20} MiB unpacked")]
            )
        yield name, content


def _belongs(name: str) -> bool:
    folder, slash, rest = name.rpartition("/")
    if slash:
        return folder == "entities" and rest.endswith(".json")
    return name in {"service.json", "menu.json"}


def _problem(name: str, code: str, message: str) -> Finding:
    remedy = "Pack the service's folder again, as the export does."
    return Finding("error", f"/{name}", code, message, remedy)


def _text(document: Any) -> bytes:
    if isinstance(document, BaseModel):
        document = as_json(document)
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _in_file(finding: Finding, names: list[str], *, has_menu_file: bool) -> Finding:
    """Return the finding with the file it stands in at the head of its path."""
    parts = finding.path.split("/")
    if len(parts) > 2 and parts[1] == "entities" and parts[2].isdigit():
        place = "/".join(["", names[int(parts[2])], *parts[3:]])
    elif len(parts) > 1 and parts[1] == "menu" and has_menu_file:
        place = "/".join(["", "menu.json", *parts[2:]])
    else:
        place = f"/service.json{finding.path}"
    return Finding(
        finding.severity, place, finding.code, finding.message, finding.remedy
    )
