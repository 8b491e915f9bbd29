"""What a version of RouterOS can do. Pure; read once per connection."""

import re
from dataclasses import dataclass

_VERSION = re.compile(
    r"(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?"
    r"(?:(?P<stage>alpha|beta|rc)(?P<count>\d+))?\s*(?:\((?P<channel>[^)]+)\))?"
)
OLDEST = (6, 40)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Of one router.

    Attributes:
        version: major, minor, patch; a beta counts as the version it leads to.
        channel: `stable`, `long-term`, `testing` …, empty when not said.
        supported: whether this connector was made for it.
        plain_login: takes the password in one sentence (else by challenge).
        file_read: has `/file/read`.
        show_sensitive: prints passwords only when asked to.
        ping: the command for it.
    """

    version: tuple[int, int, int]
    channel: str = ""

    @property
    def supported(self) -> bool:
        """Whether the menus used here are known to be there."""
        return self.version >= OLDEST

    @property
    def plain_login(self) -> bool:
        """From 6.43."""
        return self.version >= (6, 43)

    @property
    def file_read(self) -> bool:
        """From 7.13."""
        return self.version >= (7, 13)

    @property
    def show_sensitive(self) -> bool:
        """From 7.21."""
        return self.version >= (7, 21)

    @property
    def ping(self) -> str:
        """`/tool/ping` from version 7."""
        return "/tool/ping" if self.version >= (7, 0) else "/ping"

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def capabilities(version: str) -> Capabilities:
    """Return what the version can do that `/system/resource/print` names.

    Raises:
        ValueError: no version, such as `7.23.7 (long-term)` or `7.18beta2`.
    """
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        raise ValueError(f"{version!r} is no version of RouterOS")
    major, minor, patch = (int(found[at] or 0) for at in ("major", "minor", "patch"))
    return Capabilities((major, minor, patch), found["channel"] or found["stage"] or "")
