"""One logged-in connection to a router: commands out, rows of text back.

Built on librouteros' encoding and sockets, with its traps taken out (`wire.py`). Knows
no menus and no meaning of rows. Commands carry tags, so that several may be under way
and a late reply is recognised; a router that does not answer tags gets one at a time.
Called by `read`, `apply` and whoever tests a connection.
"""

import asyncio
import contextlib
import hashlib
import secrets as randomness
from binascii import unhexlify
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from connectors.mikrotik.dialing import (
    PLAINTEXT,
    Plaintext,
    Tls,
    dial,
)
from connectors.mikrotik.errors import (
    BadValue,
    ConnectionLost,
    LoginRefused,
    ProtocolBroken,
    RouterError,
    TimedOut,
    TooManySessions,
    from_trap,
    hide,
)
from connectors.mikrotik.guard import USUAL, Guard
from connectors.mikrotik.wire import KNOWN, Wire, attributes, cost, tag_of

__all__ = ["PLAINTEXT", "Deadlines", "Plaintext", "Session", "Tls", "connect"]

WINDOW = 8
"""Commands under way at once: enough to hide 20 ms of distance, few enough for a small
router's processor."""
MAX_ROWS = 200_000
_SECRET_WORDS = ("=password=", "=response=", "=secret=")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds after which the connection is given up; each for the whole of it.

    Attributes:
        connect: TCP and TLS.
        command: a command, and the log-in.
        print: a command that prints.
    """

    connect: float = 5.0
    command: float = 15.0
    print: float = 60.0


@dataclass(slots=True)
class _Pending:
    """A command that waits for its `!done`."""

    done: asyncio.Future[None]
    rows: list[dict[str, str]] = field(default_factory=list)
    traps: list[dict[str, str]] = field(default_factory=list)
    held: int = 0
    hidden: tuple[str, ...] = ()


class Session:
    """A connection that is logged in; get one from `connect`.

    Attributes:
        key: random, of this connection: ids of entries mean nothing on another one.
        tagged: whether the router answers tags, and so whether commands may overlap.
    """

    def __init__(self, wire: Wire, deadlines: Deadlines) -> None:
        self.key = randomness.token_hex(8)
        self.tagged = False
        self._wire = wire
        self._deadlines = deadlines
        self._pending: dict[str, _Pending] = {}
        self._slots = asyncio.Semaphore(1)
        self._number = 0
        self._ended: RouterError | None = None
        self._reader = asyncio.create_task(self._read())

    @property
    def window(self) -> int:
        """How many commands may be under way at once."""
        return WINDOW if self.tagged else 1

    @property
    def alive(self) -> bool:
        """Whether commands can still be sent."""
        return self._ended is None

    async def call(
        self, command: str, *words: str, timeout_seconds: float | None = None
    ) -> list[dict[str, str]]:
        """Return the rows of one command, values as the router wrote them.

        The row of `!done` comes last when it carries anything (`ret` of an `add`).

        Args:
            command: such as `/ppp/secret/print`.
            words: `=name=value`, `?query`; ASCII only.
            timeout_seconds: for all of the reply; that of the deadlines unless given.

        Raises:
            RouterError: what the router said; ConnectionLost and its kinds when the
                connection is of no more use. After those it is unknown whether the
                command was carried out.
        """
        hidden = tuple(secret for word in words if (secret := _secret_in(word)))
        limit = timeout_seconds or (
            self._deadlines.print
            if command.endswith("/print")
            else self._deadlines.command
        )
        _check_words(command, words)
        async with self._slots:
            pending = await self._exchange(command, words, limit, hidden)
        if pending.traps:
            said = [trap.get("message", "") for trap in pending.traps]
            first = pending.traps[0]
            raise from_trap("; ".join(said), first.get("category", ""), command, hidden)
        return pending.rows

    def trust(self) -> None:
        """Let replies be as large as those of a router that took the log-in."""
        self._wire.limits = KNOWN

    async def close(self) -> None:
        """End the connection; never waits for the router, never raises."""
        self._end(ConnectionLost("the connection was closed here"))
        await asyncio.wait([self._reader])

    async def _exchange(
        self,
        command: str,
        words: tuple[str, ...],
        limit: float,
        hidden: tuple[str, ...],
    ) -> _Pending:
        if self._ended is not None:
            raise type(self._ended)(str(self._ended))
        self._number += 1
        tag = str(self._number)
        pending = _Pending(asyncio.get_running_loop().create_future(), hidden=hidden)
        self._pending[tag] = pending
        try:
            async with asyncio.timeout(limit):
                await self._wire.writeSentence(command, *words, f".tag={tag}")
                await pending.done
        except TimeoutError:
            late = TimedOut(f"{command}: no whole reply within {limit:g} s")
            self._end(ConnectionLost(f"dropped, since {late}"))
            raise late from None
        except asyncio.CancelledError:
            # Its reply would still come, and nobody would be there to take it.
            self._end(ConnectionLost(f"{command} was cancelled here"))
            raise
        except OSError as error:
            lost = ConnectionLost(f"{command}: {_reason(error)}")
            self._end(lost)
            raise lost from None
        finally:
            del self._pending[tag]
        return pending

    async def _read(self) -> None:
        """Hand every sentence to the command that it answers, until the end."""
        try:
            while True:
                self._take(*await self._wire.readSentence())
        except RouterError as error:
            self._end(error)
        except OSError as error:
            self._end(ConnectionLost(_reason(error)))

    def _take(self, reply: str, words: tuple[str, ...]) -> None:
        tag = tag_of(words)
        if reply == "!fatal":
            sent = [each for one in self._pending.values() for each in one.hidden]
            reason = hide(" ".join(words) or "no reason given", sent)
            raise ConnectionLost(f"the router ended the connection: {reason}")
        if tag is None and not self.tagged and len(self._pending) == 1:
            pending = next(iter(self._pending.values()))
        elif tag is not None and tag in self._pending:
            pending = self._pending[tag]
            self._overlap()
        else:
            raise ProtocolBroken("a reply came that answers no command under way")
        pending.held += cost(words)
        if pending.held > self._wire.limits.reply_bytes:
            raise ProtocolBroken("too many bytes in one reply")
        match reply:
            case "!re":
                pending.rows.append(attributes(words))
                if len(pending.rows) > MAX_ROWS:
                    raise ProtocolBroken(f"more than {MAX_ROWS} rows in one reply")
            case "!trap":
                pending.traps.append(attributes(words))
            case "!done":
                if last := attributes(words):
                    pending.rows.append(last)
                if not pending.done.done():
                    pending.done.set_result(None)
            case "!empty":
                pass
            case _:
                raise ProtocolBroken("the peer speaks no RouterOS API")

    def _overlap(self) -> None:
        """The router answers tags: let more commands be under way."""
        if not self.tagged:
            self.tagged = True
            for _ in range(WINDOW - 1):
                self._slots.release()

    def _end(self, error: RouterError) -> None:
        """Drop the connection; whatever waits for a reply gets the error."""
        if self._ended is None:
            self._ended = error
        self._wire.drop()
        if self._reader is not asyncio.current_task():
            self._reader.cancel()
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(type(error)(str(error)))
                # Whoever waits may be ended by its own deadline at this very moment.
                pending.done.exception()


@contextlib.asynccontextmanager
async def connect(
    address: str,
    *,
    user: str,
    password: str,
    tls: Tls | Plaintext,
    port: int | None = None,
    deadlines: Deadlines = Deadlines(),
    guard: Guard = USUAL,
) -> AsyncIterator[Session]:
    """Dial, check the certificate, log in; closes at the end of the block.

    Args:
        address: host name or IP.
        user: of the router; docs/mikrotik.md says which policies it needs.
        password: printable ASCII, as the name of the user.
        tls: `Tls(pin)`, or `PLAINTEXT` to send the password in clear on purpose.
        port: 8729 with TLS, else 8728, unless given.
        deadlines: when to give up.
        guard: which addresses are connected to.

    Raises:
        AddressRefused, Unreachable, TlsFailed, CertificateChanged: before anything
            secret was sent.
        BadValue: such a user or password cannot be sent.
        LoginRefused: never try again with the same password.
    """
    _check_words("/login", _credentials(user, password))
    wire = await dial(
        address, port=port, tls=tls, seconds=deadlines.connect, guard=guard
    )
    session = Session(wire, deadlines)
    try:
        await _log_in(session, user, password)
        session.trust()
        yield session
    finally:
        await session.close()


async def _log_in(session: Session, user: str, password: str) -> None:
    """Log in the modern way, or answer the challenge of a router before 6.43.

    The router's own words go nowhere: blotting the password out of them would tell it
    to whoever reads them, when it is short.
    """
    words = _credentials(user, password)
    try:
        rows = await session.call("/login", *words)
        if challenge := rows[-1].get("ret") if rows else None:
            response = f"=response={_response(challenge, password)}"
            await session.call("/login", words[0], response)
    except TimedOut:
        raise
    except ProtocolBroken:
        raise ProtocolBroken("what answers there does not speak RouterOS") from None
    except ConnectionLost:
        raise TooManySessions(
            "the connection ended before the log-in did: the router may have no "
            "session left, or does not allow this address"
        ) from None
    except RouterError:
        # Whatever it refuses a log-in with, trying again does harm.
        raise LoginRefused(
            "the router refused the log-in: invalid user name or password, or this "
            "user may not log in from here"
        ) from None


def _credentials(user: str, password: str) -> tuple[str, str]:
    return f"=name={user}", f"=password={password}"


def _response(challenge: str, password: str) -> str:
    try:
        salt = unhexlify(challenge)
    except ValueError:
        raise ProtocolBroken("/login: the challenge is not hexadecimal") from None
    # MD5 is what routers before 6.43 ask for; there is no choice.
    digest = hashlib.md5(
        b"\x00" + password.encode("ascii") + salt, usedforsecurity=False
    )
    return f"00{digest.hexdigest()}"


def _secret_in(word: str) -> str | None:
    for start in _SECRET_WORDS:
        if word.startswith(start):
            return word[len(start) :]
    return None


def _check_words(command: str, words: tuple[str, ...]) -> None:
    """Routers store bytes and name no charset: what is written stays in ASCII.

    And is printable, so that it is no command to another program that listens there.
    """
    for word in words:
        if not word.isascii() or not word.isprintable():
            name = word[1:].partition("=")[0] if word[:1] in "=?" else word[:1]
            raise BadValue(
                f"{command}: the value of {name} has characters other than the "
                "printable ones of ASCII"
            )


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
