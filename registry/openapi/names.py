"""Names and texts of a document → those of a definition; pure.

Called by `operations.py` and `documents.py`.
"""

import re
from hashlib import sha256
from typing import Any

from registry.openapi.notes import short


def name_of(key: str) -> str:
    """Return an operationId, or method and path, as a name: `listPets` → `list_pets`.

    At most 40 signs, a longer one ends in a hash of the whole.
    """
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])", r"\1\3 \2", key)
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in parted.lower())
    slug = "_".join(words.split())
    if not slug[:1].isalpha():
        slug = f"call_{slug}".rstrip("_")
        if slug == "call":
            slug = f"call_{hash_of(key)}"
    return slug if len(slug) <= 40 else f"{slug[:32]}_{hash_of(key)}"


def input_name(name: str, at: str, taken: set[str]) -> str:
    """Return the name of an input; a body's members keep theirs."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:60] or at
    found, number = slug, 2
    if found in taken:
        found = f"{at}_{slug}"
    while found in taken:
        found, number = f"{at}_{slug}_{number}", number + 1
    return found


def hash_of(text: str) -> str:
    """Return seven signs that stand for a text."""
    return sha256(text.encode()).hexdigest()[:7]


def text_of(value: Any) -> str | None:
    """Return a text as a label takes it, None for anything else."""
    if not isinstance(value, str) or not value.strip():
        return None
    return short(" ".join(value.split()), 490)
