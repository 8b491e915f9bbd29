"""The simulated router as its users hold it: a router that can be served and rebooted.

Called by tests, benchmarks and the demo.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from connectors.mikrotik.simulator.router import Router
from connectors.mikrotik.simulator.server import Server

DOWN_SECONDS = 0.2


class Simulator(Router):
    """A RouterOS router on the network; see `Router` for its arguments and parts."""

    down_seconds = DOWN_SECONDS
    """How long a restart takes that a command or a fault began."""
    _server: Server | None = None
    _restarting: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator[tuple[str, int]]:
        """Serve while the block runs; gives host and port, chosen when `port` is 0.

        Args:
            host: an IPv4 address of this machine.
            port: TCP port, 0 for any free one.
            tls: from `certificate_tls` or `anonymous_tls`; plain TCP if left out.

        Raises:
            OSError: the address cannot be bound.
        """
        server = self._server = Server(self, (host, port), tls)
        if not self.faults.refuse:
            server.open()
        self.on_restart(self._restart_soon)
        self.faults.on_refusal(
            lambda: server.close() if self.faults.refuse else server.open()
        )
        self.live.start(asyncio.get_running_loop())
        try:
            yield server.address
        finally:
            self.live.stop()
            self.faults.on_refusal(lambda: None)
            self.on_restart(lambda: None)
            if self._restarting is not None:
                self._restarting.cancel()
                await asyncio.gather(self._restarting, return_exceptions=True)
            await server.end()
            self._server = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._server.connections if self._server else 0

    async def reboot(self, down_seconds: float = DOWN_SECONDS) -> None:
        """Restart: connections break, ids change, nothing answers for a while.

        Args:
            down_seconds: how long connections are refused.
        """
        server = self._server
        if server is not None:
            server.close()
            server.reset_all()
        self.forget()
        await asyncio.sleep(down_seconds)
        if server is not None and not self.faults.refuse:
            server.open()

    def _restart_soon(self) -> None:
        self._restarting = asyncio.create_task(self.reboot(self.down_seconds))
