"""The login of one connection, in the way its router version does it.

Called by server for `/login` only. Keeps the challenge between the two steps.
"""

import hashlib
import hmac
import ipaddress

from connectors.mikrotik.simulator.call import Sentence
from connectors.mikrotik.simulator.replies import Trap
from connectors.mikrotik.simulator.router import Router, has_policy
from connectors.mikrotik.simulator.tables import Reference, Row
from connectors.mikrotik.simulator.values import POLICIES


class Login:
    """One connection's way in. `user` and `policies` are set once it succeeded."""

    def __init__(self, router: Router, peer: str) -> None:
        self.user: str | None = None
        self.policies: frozenset[str] = frozenset()
        self._router = router
        self.peer = peer
        self._challenge: bytes | None = None

    def attempt(self, sentence: Sentence) -> dict[str, str]:
        """Try to log in; return what `!done` says: nothing, or the challenge.

        Before 6.43 a login without `response` (so also a plain one) is answered by a
        challenge; later versions take name and password only.

        Raises:
            Trap: wrong name, password, answer, address or policy.
        """
        given = sentence.attributes
        if self._router.profile.challenge_login:
            if "response" not in given:
                self._challenge = self._router.random.randbytes(16)
                return {"ret": self._challenge.hex()}
            row = self._user(given.get("name", ""))
            right = row is not None and self._answers(row, given["response"])
        else:
            row = self._user(given.get("name", ""))
            right = row is not None and hmac.compare_digest(
                row.text("password").encode("utf-8", "surrogateescape"),
                given.get("password", "\0").encode("utf-8", "surrogateescape"),
            )
        if row is None or not right:
            raise self._refused(given.get("name", ""))
        group = row.values["group"]
        if not isinstance(group, Reference) or not has_policy(group.row, "api"):
            raise self._refused(row.text("name"))
        self.user = row.text("name")
        self.policies = frozenset(p for p in POLICIES if has_policy(group.row, p))
        self._router.log(
            "system,info,account",
            f"user {self.user} logged in from {self.peer} via api",
        )
        return {}

    def _user(self, name: str) -> Row | None:
        row = self._router.tables["/user"].named(name)
        if row is None or row.text("disabled") == "true":
            return None
        networks = [part for part in row.text("address").split(",") if part]
        peer = ipaddress.ip_address(self.peer)
        if networks and not any(
            peer in ipaddress.ip_network(network, strict=False) for network in networks
        ):
            return None
        return row

    def _answers(self, row: Row, response: str) -> bool:
        """Whether the response is 00 and MD5 of a zero byte, password and challenge."""
        if self._challenge is None:
            return False
        password = row.text("password").encode("utf-8", "surrogateescape")
        digest = hashlib.md5(  # noqa: S324 - what RouterOS before 6.43 asks for
            b"\x00" + password + self._challenge
        ).hexdigest()
        self._challenge = None
        return hmac.compare_digest(f"00{digest}".encode(), response.lower().encode())

    def _refused(self, name: str) -> Trap:
        self._router.log(
            "system,error,critical",
            f"login failure for user {name} from {self.peer} via api",
        )
        if self._router.profile.challenge_login:
            return Trap("cannot log in")
        return Trap("invalid user name or password (6)")
