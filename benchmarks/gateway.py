"""The gateway with all its checks beside one that has none, in front of one upstream.

The peer is npm `fast-gateway` in the Node that the tests use; nginx is printed as the
limit where it is installed. Reads (2 KB of JSON come back) and writes (as much goes out
too, and Rangka checks it by a schema) are compared each with its like.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from benchmarks import load, site
from benchmarks.load import Rate, Target
from benchmarks.report import Table
from metadata.definitions import Service
from registry import assignments

PEERS = Path(__file__).parent / "peers"
PACKAGE = "fast-gateway@3.4.7"
NAME = "benchout"
CALM_CONNECTIONS = 1
STREAM_BYTES = 2**30
DOCUMENT = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "object"}}},
    "required": ["items"],
}


def run(here: site.Site, *, seconds: float, rounds: int) -> Iterator[Table]:
    """Measure with a server of its own, which may call this machine."""
    with ExitStack() as running:
        upstream = site.free_port()
        command = [sys.executable, str(PEERS / "upstream.py"), str(upstream)]
        running.enter_context(site.process(command, here.environment(), upstream))
        asyncio.run(_publish(here, f"http://127.0.0.1:{upstream}"))
        targets = {"upstream alone": Target(f"http://127.0.0.1:{upstream}", ["/json"])}
        document = {"items": [{"name": "x" * 40}] * 35}
        # As browsers write it.
        body = json.dumps(document, separators=(",", ":"))
        targets |= running.enter_context(_peers(here, upstream, body))
        port = site.free_port()
        environment = {
            **here.environment(),
            "RANGKA_GATEWAY_NETWORKS": "127.0.0.0/8",
            "RANGKA_WORKER": "off",
        }
        program = str(Path(sys.executable).with_name("rangka"))
        own = [program, "serve", "--workers", "1", "--port", str(port)]
        running.enter_context(site.process(own, environment, port))
        url = f"http://127.0.0.1:{port}"
        token = here.tokens[site.ADMIN]
        path = f"/api/v1/gateway/{NAME}/json"
        targets["Rangka, all checks"] = Target(url, [path], token)
        post = Target(url, [f"/api/v1/gateway/{NAME}/check"], token, body)
        targets["Rangka, POST with a schema"] = post
        yield _rates(targets, seconds, rounds)
        yield _stream(url, port, token)


def _rates(targets: dict[str, Target], seconds: float, rounds: int) -> Table:
    busy: dict[str, list[Rate]] = {name: [] for name in targets}
    calm: dict[str, list[Rate]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, target in targets.items():
            busy[name].append(load.http(target, seconds))
            calm[name].append(load.http(target, seconds, CALM_CONNECTIONS))
    peers = {
        "GET": _median(busy["fast-gateway"]).per_second,
        "POST": _median(busy["fast-gateway, POST"]).per_second,
    }
    alone = _median(calm["upstream alone"])
    table = Table(
        f"gateway: 2 KB JSON, {load.CONNECTIONS} connections, one worker",
        ("what", "req/s", "of fast-gateway", "added p50 ms", "added p99 ms"),
    )
    for name, target in targets.items():
        found, quiet = _median(busy[name]), _median(calm[name])
        peer = peers["POST" if target.body else "GET"]
        table.add(
            name,
            f"{found.per_second:,.0f}",
            f"{found.per_second / peer:.0%}",
            f"{quiet.p50 - alone.p50:.2f}",
            f"{quiet.p99 - alone.p99:.2f}",
        )
    return table


def _median(rates: list[Rate]) -> Rate:
    return Rate(
        median(rate.per_second for rate in rates),
        median(rate.p50 for rate in rates),
        median(rate.p99 for rate in rates),
    )


async def _publish(here: site.Site, base: str) -> None:
    async with site.parts_of(here) as parts:
        endpoints = [
            {"id": "json", "name": "json", "path": "/json", "method": "GET"},
            {"id": "stream", "name": "stream", "path": "/stream", "method": "GET"},
            {
                "id": "check",
                "name": "check",
                "path": "/check",
                "request_schema": DOCUMENT,
            },
        ]
        definition = Service.model_validate(
            {
                "id": NAME,
                "name": NAME,
                "type": "external",
                "base_url": base,
                "auth_type": "api_key",
                "endpoints": [{**each, "rate_limit": 1_000_000} for each in endpoints],
            }
        )
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, definition)
        async with parts.database.system() as connection:
            await assignments.assign(connection, here.tenant, NAME)
            document = {"kind": "api_key", "secret": "only for measuring"}
            await parts.gateway.connections.put(
                connection, here.tenant, NAME, document, None
            )


@contextmanager
def _peers(here: site.Site, upstream: int, body: str) -> Iterator[dict[str, Target]]:
    """Run the peers; yields where each answers."""
    node = Path(sys.prefix) / "node"
    npm = str(node / "npm") if node.exists() else shutil.which("npm")
    if npm is None:
        raise load.MissingTool("npm is not here; make setup brings it.")
    environment = here.environment()
    if node.exists():
        environment["PATH"] = f"{node}:{environment['PATH']}"
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", PACKAGE],
            cwd=folder,
            env=environment,
            check=True,
        )
        script = shutil.copy(PEERS / "fast_gateway.cjs", folder)
        port = site.free_port()
        command = ["node", script, str(port), str(upstream)]
        if node.exists():
            command[0] = str(node / "node")
        running.enter_context(site.process(command, environment, port))
        url = f"http://127.0.0.1:{port}"
        found = {
            "fast-gateway": Target(url, ["/peer/json"]),
            "fast-gateway, POST": Target(url, ["/peer/check"], body=body),
        }
        if shutil.which("nginx"):
            port = site.free_port()
            config = folder / "nginx.conf"
            text = (PEERS / "nginx.conf").read_text()
            config.write_text(
                text.replace("UPSTREAM", str(upstream)).replace("LISTEN", str(port))
            )
            command = ["nginx", "-p", str(folder), "-c", str(config)]
            running.enter_context(site.process(command, environment, port))
            found["nginx"] = Target(f"http://127.0.0.1:{port}", ["/json"])
        yield found


def _stream(url: str, port: int, token: str) -> Table:
    """Read 1 GB through the gateway and look at the server's memory meanwhile."""
    samples: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            samples.append(_resident_mib(port))

    watcher = threading.Thread(target=look)
    headers = {"authorization": f"Bearer {token}"}
    request = Request(f"{url}/api/v1/gateway/{NAME}/stream", headers=headers)
    before = _resident_mib(port)
    watcher.start()
    started, size = time.perf_counter(), 0
    with urlopen(request, timeout=600) as reply:
        while chunk := reply.read(2**20):
            size += len(chunk)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    if size != STREAM_BYTES:
        raise RuntimeError(f"{size} bytes came of {STREAM_BYTES}")
    table = Table("gateway: a stream of 1 GB", ("what", "figure"))
    table.add("MB a second", f"{size / seconds / 1e6:,.0f}")
    table.add("memory before, MiB", f"{before:.0f}")
    table.add("most memory meanwhile, MiB", f"{max(samples):.0f}")
    return table


def _resident_mib(port: int) -> float:
    """Return the largest resident size of the server's processes (proc(5))."""
    sizes = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = status.with_name("cmdline").read_bytes()
            if f"--port\0{port}".encode() in command:
                text = status.read_text()
                sizes += [int(r.split()[1]) for r in text.splitlines() if "VmRSS" in r]
        except OSError:
            continue
    return max(sizes) / 1024
