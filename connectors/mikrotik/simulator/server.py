"""Listens for clients, caps and filters them, breaks them off. Knows no commands.

Called by simulator.
"""

import asyncio
import ipaddress
import socket
import ssl

from connectors.mikrotik.simulator.connection import Connection
from connectors.mikrotik.simulator.router import Router

BACKLOG = 128


class Server:
    """One listening address of a router; may be closed and opened again.

    Args:
        router: whose commands run and whose faults apply.
        address: host and port; port 0 is replaced by the one chosen.
        tls: context of a TLS server, or None for plain TCP.
    """

    def __init__(
        self,
        router: Router,
        address: tuple[str, int],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.address = address
        self._router = router
        self._tls = tls
        self._serving: dict[asyncio.Task[None], Connection | None] = {}
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._accepted = 0

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._serving)

    def open(self) -> None:
        """Listen; nothing happens when it does already.

        Raises:
            OSError: the address cannot be bound.
        """
        if self._listening is not None:
            return
        listening = socket.create_server(self.address, backlog=BACKLOG)
        listening.setblocking(False)
        host, port = listening.getsockname()[:2]
        self.address = (host, port)
        self._listening = listening
        self._accepting = asyncio.create_task(self._accept(listening))

    def close(self) -> None:
        """Refuse new connections; those open live on."""
        if self._accepting is not None and self._listening is not None:
            self._accepting.cancel()
            # The event loop must let go of the socket before it is closed.
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
        self._accepting = self._listening = None

    def reset_all(self) -> None:
        """Break every connection off by RST."""
        for task, connection in tuple(self._serving.items()):
            if connection is None:
                task.cancel()
            else:
                connection.reset()

    async def end(self) -> None:
        """Close, and wait until every connection is gone."""
        self.close()
        tasks = tuple(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, peer = await loop.sock_accept(listening)
            if (
                len(self._serving) >= self._router.max_sessions
                or not self._welcome(peer[0])
            ):  # fmt: skip
                client.close()
                continue
            # Asyncio does it for sockets it accepts itself only.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._accepted += 1
            task = asyncio.create_task(self._serve(client, self._accepted))
            self._serving[task] = None
            task.add_done_callback(self._serving.pop)

    def _welcome(self, peer: str) -> bool:
        networks = self._router.networks
        address = ipaddress.ip_address(peer)
        return not networks or any(
            address in ipaddress.ip_network(network) for network in networks
        )

    async def _serve(self, client: socket.socket, number: int) -> None:
        loop = asyncio.get_running_loop()
        if self._router.faults.half_open:
            with client:
                await loop.create_future()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=self._tls
            )
        except OSError:
            client.close()  # the client went away or the handshake failed
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        connection = Connection(self._router, number, reader, writer)
        task = asyncio.current_task()
        if task is not None:
            self._serving[task] = connection
        await connection.serve()
