"""Runs the simulated router of the demo: a program beside the server.

It listens on this machine only. Called by `rangka demo`; knows no records.
"""

import re
import subprocess
import sys
from types import TracebackType
from typing import Self

from engine.demo.router import PASSWORD, SERIAL, USER
from engine.settings import StartupError

_OPTIONS = (
    *("--user", USER, "--password", PASSWORD, "--serial", SERIAL),
    *("--redial", "1", "6", "--until-eof"),
)


class Simulator:
    """The program, from entering the block until it is left.

    `start` returns before the router answers, so that other things can be prepared
    meanwhile; `port` waits for it.
    """

    def __init__(self, port: int) -> None:
        """Take the port to listen on; any free one when that is taken."""
        self._wanted = port
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        """Start the program."""
        self._process = _started(self._wanted)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the program, which somebody may have ended before."""
        self._process.terminate()
        self._process.communicate()

    @property
    def process_id(self) -> int:
        """Return the id by which the program can be ended."""
        return self._process.pid

    def port(self) -> int:
        """Wait until the router answers and return where.

        Raises:
            StartupError: it cannot listen anywhere.
        """
        said = self._said()
        if not said:
            self._process.communicate()
            self._process = _started(0)
            said = self._said()
        found = re.search(r" on [0-9.]+:(\d+),", said)
        if found is None:
            _, errors = self._process.communicate()
            raise StartupError(f"The simulated router does not start: {errors.strip()}")
        return int(found[1])

    def _said(self) -> str:
        """Return the line with its address; empty when it ended instead."""
        output = self._process.stdout
        return output.readline() if output else ""


def _started(port: int) -> "subprocess.Popen[str]":
    command = (sys.executable, "-m", "connectors.mikrotik.simulator")
    return subprocess.Popen(  # noqa: S603 - our own
        (*command, "--port", str(port), *_OPTIONS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
