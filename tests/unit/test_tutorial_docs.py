"""The folder that the tutorial writes is a service without findings."""

import re
from pathlib import Path

from metadata import bundle
from metadata.checks import check_service

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
_FILE = re.compile(r"^cat > (\S+) <<'JSON'\n(.*?)^JSON$", re.MULTILINE | re.DOTALL)


def test_the_folder_of_the_tutorial_can_be_published(tmp_path: Path) -> None:
    written = _FILE.findall(TUTORIAL.read_text())
    assert len(written) == 2
    for name, text in written:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    definition = bundle.load(tmp_path / "workshop")
    assert [field.name for field in definition.entities[0].fields] == [
        "customer",
        "device",
        "price",
        "status",
    ]
    assert check_service(definition, others={}) == []
