"""Services with code of their own from folders outside the package.

Only what an administrator of the machine put into the configured folders is loaded,
once, at start-up; nothing that came over the network ever is. The code may use what
`registry/service.py` offers. Called by the composition roots.
"""

import importlib.util
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from metadata import bundle
from registry import builtin
from registry.service import Service

CODE_FILE = "service.py"


class CodeError(Exception):
    """The code of a service cannot be loaded; the message says where and why."""


def load(folders: str | None) -> Mapping[str, Service]:
    """Return the behaviour of all services with code, built-in ones included.

    `folders` are paths parted by `:` (`;` on Windows); each holds folders of services
    or is one itself. Raises CodeError.
    """
    found = dict(builtin.CODE)
    for folder in places(folders):
        if not (folder / CODE_FILE).is_file():
            continue
        service = _load(folder)
        if service.name in found or service.name in builtin.NAMES:
            raise CodeError(f"{folder}: there is code of {service.name} already.")
        found[service.name] = service
    return MappingProxyType(found)


def places(folders: str | None) -> Iterator[Path]:
    """Yield every folder with a service below the configured ones."""
    for path in (folders or "").split(os.pathsep):
        if not path.strip():
            continue
        root = Path(path.strip())
        if not root.is_dir():
            raise CodeError(f"{root} is no folder; correct RANGKA_SERVICES_PATH.")
        inner = sorted(child for child in root.iterdir() if child.is_dir())
        for folder in (root, *inner):
            if (folder / "service.json").is_file():
                yield folder


def _load(folder: Path) -> Service:
    file = folder / CODE_FILE
    if file.stat().st_mode & stat.S_IWOTH:
        raise CodeError(f"{file}: everybody may write it; run chmod o-w on it.")
    try:
        name = bundle.load(folder).name
    except bundle.BundleError as error:
        raise CodeError(f"{folder}: {error}") from error
    module_name = f"rangka_services.{name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise CodeError(f"{file}: Python cannot read it.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError, ValueError) as error:
        raise CodeError(f"{file}: {error}") from error
    service = getattr(module, "service", None)
    if not isinstance(service, Service) or service.name != name:
        raise CodeError(f'{file}: it has no `service = Service("{name}")`.')
    return service
