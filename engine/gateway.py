"""The gateway of one process: its client, connections, keys, gates and health checks.

Builds what `registry/gateway` needs of the engine (pools, sealing, signing keys). Made
by `engine/parts.py`; used by `engine/api/gateway.py` and the handlers of connections.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from engine import proxies
from engine.database import Database
from engine.identity import Identity
from engine.limits import Limits
from engine.secrets import SecretBox
from engine.settings import Settings, derive_key
from registry.connections import Connections
from registry.gateway.breaker import Gates
from registry.gateway.forward import Forwarder
from registry.gateway.health import HealthChecks
from registry.gateway.signing import IdentityTokens, Signer
from registry.gateway.upstream import UpstreamClient

IDENTITY_TYPE = "gateway-identity+jwt"
"""Another `typ` than an access token's, so that neither passes for the other."""


class Gateway:
    """What calls of external services share."""

    def __init__(
        self,
        database: Database,
        identity: Identity,
        settings: Settings,
        secrets: SecretBox,
    ) -> None:
        self._identity = identity
        self.client = UpstreamClient(proxies.networks(settings.gateway_networks or ""))
        self._public = UpstreamClient()
        self.connections = Connections(database.transaction, secrets)
        self.forwarder = Forwarder(
            self.client,
            self._public,
            self.connections,
            Signer(derive_key(settings.secret_key, "gateway")),
            IdentityTokens(self._encode, settings.public_url),
        )
        self.gates = Gates()
        self.limits = Limits(settings.redis_url, settings.workers)
        self.health = HealthChecks(database.system, self.client)

    async def start(self) -> None:
        """Begin to check the services' health; connections open with calls."""
        await self.client.start()
        await self._public.start()
        await self.limits.start()
        self.health.start()

    async def stop(self) -> None:
        """End the checks and close every connection."""
        await self.health.stop()
        await self.limits.stop()
        await self._public.stop()
        await self.client.stop()

    def public_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set that identity tokens are checked with."""
        found = []
        for kid, key in self._identity.tokens.keys.public.items():
            jwk = jwt.algorithms.OKPAlgorithm.to_jwk(key, as_dict=True)
            found.append({**jwk, "kid": kid, "use": "sig", "alg": "EdDSA"})
        return {"keys": found}

    def _encode(self, claims: Mapping[str, Any]) -> str:
        keys = self._identity.tokens.keys
        headers = {"kid": keys.kid, "typ": IDENTITY_TYPE}
        return jwt.encode(
            dict(claims), keys.private, algorithm="EdDSA", headers=headers
        )
