"""A WhatsApp gateway that sends nothing: it remembers messages and shows them again.

    python examples/whatsapp/mock_server.py --port 8090 --api-key demo-key

Knows nothing of Rangka's code. With `--signing-key` (the hex secret that a super admin
reads for a tenant) it also refuses calls whose signature v2 does not hold, as a service
of yours would; docs/gateway.md describes what is signed.
"""

import argparse
import hashlib
import hmac
import time
from base64 import b64encode
from collections import deque
from datetime import UTC, datetime

from aiohttp import web

IDENTITY = (
    "X-Org-Id",
    "X-Tenant-ID",
    "X-User-Id",
    "X-User-Permissions",
    "X-User-Roles",
)
SKEW_SECONDS = 60
MAX_KEPT = 1000


class Mock:
    """The messages of each tenant, and the checks before them."""

    def __init__(self, api_key: str, signing_key: bytes | None) -> None:
        self._api_key = api_key
        self._signing_key = signing_key
        self._sent: dict[str, deque[dict[str, object]]] = {}
        self._nonces: dict[str, float] = {}
        self._count = 0

    async def health(self, _: web.Request) -> web.Response:
        """Answer that it lives."""
        return web.json_response({"status": "ok"})

    async def blast(self, request: web.Request) -> web.Response:
        """Take a message for many recipients."""
        raw = await request.read()
        refused = self._refused(request, raw)
        if refused is not None:
            return refused
        document = await request.json()
        self._count += 1
        entry: dict[str, object] = {
            "id": f"msg-{self._count:06}",
            "message": document["message"],
            "recipients": document["recipients"],
            "status": "sent",
            "sent_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._of(request).appendleft(entry)
        accepted = len(document["recipients"])
        return web.json_response({"id": entry["id"], "accepted": accepted}, status=202)

    async def history(self, request: web.Request) -> web.Response:
        """Answer the tenant's messages, the newest first."""
        refused = self._refused(request, b"")
        if refused is not None:
            return refused
        limit = int(request.query.get("limit", "20"))
        return web.json_response(list(self._of(request))[:limit])

    def _of(self, request: web.Request) -> deque[dict[str, object]]:
        tenant = request.headers.get("X-Tenant-ID", "")
        return self._sent.setdefault(tenant, deque(maxlen=MAX_KEPT))

    def _refused(self, request: web.Request, body: bytes) -> web.Response | None:
        given = request.headers.get("X-API-Key", "").encode()
        if not hmac.compare_digest(given, self._api_key.encode()):
            return web.json_response({"error": "wrong API key"}, status=401)
        if self._signing_key is not None and not self._holds(request, body):
            return web.json_response({"error": "wrong signature"}, status=403)
        return None

    def _holds(self, request: web.Request, body: bytes) -> bool:
        """Return whether signature v2 holds, and for the first time."""
        key = self._signing_key or b""
        headers = request.headers
        timestamp = headers.get("X-Gateway-Timestamp", "0")
        nonce = headers.get("X-Gateway-Nonce", "")
        now = time.time()
        if not timestamp.isdigit() or abs(int(timestamp) - now) > SKEW_SECONDS:
            return False
        identity = "\n".join(
            f"{name.lower()}:{headers.get(name, '')}" for name in IDENTITY
        )
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        path, _, query = request.raw_path.partition("?")
        lines = (
            "v2",
            hashlib.sha256(key).hexdigest()[:16],
            timestamp,
            nonce,
            request.method,
            headers.get("Host", ""),
            path,
            query,
            f"sha-256=:{digest}:",
            hashlib.sha256(identity.encode()).hexdigest(),
            headers.get("X-Request-ID", ""),
        )
        wanted = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        signatures = headers.get("X-Gateway-Signature", "").split(",")
        if not hmac.compare_digest(signatures[-1].encode(), f"v2={wanted}".encode()):
            return False
        self._nonces = {n: t for n, t in self._nonces.items() if now - t < 120}
        return self._nonces.setdefault(nonce, now) == now


def application(api_key: str, signing_key: bytes | None = None) -> web.Application:
    """Return the server's application."""
    mock = Mock(api_key, signing_key)
    app = web.Application()
    app.router.add_get("/health", mock.health)
    app.router.add_post("/whatsapp/blast", mock.blast)
    app.router.add_get("/whatsapp/history", mock.history)
    return app


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A WhatsApp gateway for trying out.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--api-key", default="demo-key")
    parser.add_argument("--signing-key", help="hex; refuse calls that are not signed")
    args = parser.parse_args()
    key = bytes.fromhex(args.signing_key) if args.signing_key else None
    app = application(args.api_key, key)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None)


if __name__ == "__main__":
    main()
