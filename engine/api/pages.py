"""The UI shell: one static page with a nonce, and its hashed assets."""

import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from engine.errors import NotFound

DIST = Path(__file__).parents[2] / "ui-shell" / "dist"
NONCE = "__CSP_NONCE__"
_YEAR = 31_536_000


@get(["/", "/{path:path}"], sync_to_thread=False)
def page(path: FromPath[str] = "") -> Response[str]:
    """Answer the page for every path that is no API path; the page routes itself."""
    if path.startswith(("/api/", "/health", "/assets/")):
        raise NotFound("There is nothing at this path.")
    nonce = secrets.token_urlsafe(16)
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    return Response(
        _index().replace(NONCE, nonce),
        media_type="text/html; charset=utf-8",
        headers={"content-security-policy": policy, "cache-control": "no-cache"},
    )


@cache
def _index() -> str:
    file = DIST / "index.html"
    if not file.is_file():
        return (
            "<!doctype html><title>Rangka</title><p>The interface is not built. "
            "Run <code>make setup</code>; the API is at /api/v1.</p>"
        )
    return file.read_text(encoding="utf-8")


def handlers() -> list[ControllerRouterHandler]:
    """Return the page and, where it was built, its assets."""
    found: list[ControllerRouterHandler] = [page]
    assets = DIST / "assets"
    if assets.is_dir():
        headers = {"cache-control": f"public, max-age={_YEAR}, immutable"}
        found.append(
            create_static_files_router(
                "/assets",
                directories=[assets],
                cache_control=None,
                after_request=_cached(headers),
            )
        )
    return found


def _cached(
    headers: dict[str, str],
) -> Callable[[Response[bytes]], Response[bytes]]:
    def add(response: Response[bytes]) -> Response[bytes]:
        response.headers.update(headers)
        return response

    return add
