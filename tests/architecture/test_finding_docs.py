"""docs/finding-codes.md lists exactly the codes that findings can have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "metadata").glob("*.py"),
    *(ROOT / "registry" / "openapi").glob("*.py"),
    ROOT / "registry" / "assignments.py",
    ROOT / "engine" / "overlays.py",
]
CODE_AT = {
    "Finding": 2,
    "Impossible": 0,
    "_error": 1,
    "_problem": 1,
    "_refuse": 1,
    "error": 1,
    "warning": 1,
}
"""Which argument of these calls is a code."""
KIND_AT = {"_missing": 2, "_unknown": 1, "_named": 3}
"""Which argument of these calls says what is unknown: `unknown_<kind>`."""
CODE = re.compile(r"[a-z][a-z_]+")


def word(node: ast.expr) -> str | None:
    """Return a literal that could be a code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if CODE.fullmatch(node.value.replace(" ", "_")) else None
    return None


def codes(tree: ast.AST) -> Iterator[str | None]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = (
                function.attr
                if isinstance(function, ast.Attribute)
                else getattr(function, "id", "")
            )
            for table, prefix in ((CODE_AT, ""), (KIND_AT, "unknown_")):
                place = table.get(name, len(node.args))
                found = word(node.args[place]) if place < len(node.args) else None
                yield found and prefix + found.replace(" ", "_")
        elif isinstance(node, ast.Yield | ast.Return):
            # (path, code, message, remedy)
            if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 4:
                yield word(node.value.elts[1])
        elif isinstance(node, ast.Compare) and "item['type']" in ast.unparse(node.left):
            yield word(node.comparators[0])


def codes_of_the_code() -> set[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES)
    return {code for tree in trees for code in codes(tree) if code}


def test_the_page_lists_every_code_and_no_other() -> None:
    page = (ROOT / "docs" / "finding-codes.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert listed == sorted(set(listed))
    assert set(listed) == codes_of_the_code()


def test_codes_are_taken_out_of_every_kind_of_source() -> None:
    assert {
        "unknown_field",
        "unknown_menu_item",
        "own_field",
        "circular_ref",
        "impossible_change",
        "no_zip",
        "extra_forbidden",
    } <= codes_of_the_code()
