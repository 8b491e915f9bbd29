"""What is wrong with a document that is imported: every finding, each once, bounded.

Shared by the readers beside it; knows nothing of OpenAPI.
"""

from metadata.checks import Finding

MAX_FINDINGS = 500


class Notes:
    """Collects findings; the same place and code is said once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}
        self.has_errors = False
        self.is_full = False

    def error(self, path: str, code: str, message: str, remedy: str) -> None:
        """Note what keeps the document out."""
        self.has_errors = True
        self._add(Finding("error", path, code, message, remedy))

    def warning(self, path: str, code: str, message: str, remedy: str) -> None:
        """Note what is left out or read otherwise than written."""
        self._add(Finding("warning", path, code, message, remedy))

    def all(self) -> list[Finding]:
        """Return everything noted, errors first."""
        return sorted(self._found.values(), key=lambda item: item.severity)

    def _add(self, finding: Finding) -> None:
        if self.is_full:
            return
        if len(self._found) >= MAX_FINDINGS:
            self.is_full = True
            finding = Finding(
                finding.severity,
                "",
                "too_many",
                f"there is more: the first {MAX_FINDINGS} findings are shown",
                "Correct these, then import the document again.",
            )
        self._found.setdefault((finding.path, finding.code), finding)


def token(name: str) -> str:
    """Return a name as a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def short(value: object, length: int = 80) -> str:
    """Return a value as a message shows it."""
    text = str(value)
    return text if len(text) <= length else f"{text[:length]}…"
