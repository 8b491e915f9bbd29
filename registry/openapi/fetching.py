"""The text of a document that stands at an address: one guarded GET, all bounded.

Follows no redirect, keeps nothing, and tells nothing of the network: where no document
comes from is one answer, whatever stands there. Called by the route that imports.
"""

import asyncio
from urllib.parse import urlsplit

from metadata.checks import Finding
from registry.gateway.upstream import UpstreamClient, UpstreamError, chunks_of
from registry.openapi.reading import MAX_BYTES

MAX_SECONDS = 20.0
"""For all of it: connecting, waiting, and the last byte."""
MAX_ADDRESS = 2_000

_HEADERS = (
    ("Accept", "application/json, application/yaml, text/yaml, */*;q=0.5"),
    ("User-Agent", "rangka"),
)
_SENT = "Download the document where it can be read, and send it as text."


class NotFetched(Exception):
    """No text came; `finding` says why and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.finding = Finding("error", "/url", "fetch", message, remedy)


def is_fetchable(url: str) -> bool:
    """Return whether an address could be asked: HTTP, a host, no user, no fragment."""
    if not url.startswith(("https://", "http://")) or len(url) > MAX_ADDRESS:
        return False
    if any(not "!" <= sign <= "~" or sign in '"#<>\\^`{|}' for sign in url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


async def fetched(
    client: UpstreamClient, url: str, *, seconds: float = MAX_SECONDS
) -> str:
    """Return the text at an address, of 4 MiB at most; raises NotFetched."""
    try:
        async with asyncio.timeout(seconds):
            raw = await _body(client, url)
    except TimeoutError:
        raise _late(seconds) from None
    except UpstreamError as error:
        raise _problem(error, seconds) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotFetched("what came is no text in UTF-8", _SENT) from None
    if text.lstrip()[:1] == "<":
        raise NotFetched(
            "what came is a web page or XML, and no OpenAPI document",
            "Give the address of the JSON or YAML file that the page shows.",
        )
    return text


async def _body(client: UpstreamClient, url: str) -> bytes:
    answer = await client.open("GET", url, _HEADERS, None)
    try:
        _check(answer.status)
        found = bytearray()
        async for chunk in chunks_of(answer):
            found += chunk
            _measure(len(found))
    except BaseException:
        answer.close()
        raise
    return bytes(found)


def _measure(size: int) -> None:
    if size > MAX_BYTES:
        raise NotFetched(
            f"the document is over {MAX_BYTES // 1024**2} MiB",
            "Leave out the operations that are not needed.",
        )


def _check(status: int) -> None:
    """Raise NotFetched for an answer that is no document."""
    if status == 200:
        return
    if 300 <= status < 400:
        raise NotFetched(
            f"the address leads elsewhere ({status}), and that is not followed",
            "Give the address of the document itself.",
        )
    if status in {401, 403, 407}:
        raise NotFetched(f"the address asks for a log-in ({status})", _SENT)
    raise NotFetched(
        f"the address answers {status} and no document",
        "Check the address: a browser shows the document there.",
    )


def _problem(error: UpstreamError, seconds: float) -> NotFetched:
    """Return what may be told: nothing of what is or is not in a private network."""
    if error.problem == "timeout":
        return _late(seconds)
    if error.problem == "tls":
        return NotFetched("the certificate of the address cannot be trusted", _SENT)
    if error.problem == "broken":
        return NotFetched("the answer breaks off or cannot be read", _SENT)
    return NotFetched(
        "no document can be fetched from this address",
        "Use an https:// address of the public Internet that answers, or send the "
        "document as text.",
    )


def _late(seconds: float) -> NotFetched:
    return NotFetched(f"no whole document came within {seconds:g} seconds", _SENT)
