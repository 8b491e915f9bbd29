"""Start-up time, and what an import of many rows takes."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from benchmarks import site
from benchmarks.report import Table
from engine import bootstrap
from engine.postgres import PostgresServer
from engine.settings import Settings

IMPORT_ROWS = 100_000


def start_up(rounds: int) -> Table:
    """Time `rangka serve` on a data folder whose database was stopped before."""
    folder = Path(tempfile.mkdtemp(prefix="rangka-bench-start-"))
    folder.chmod(0o755)
    settings = Settings.from_environment({}, data_dir=folder, port=site.free_port())
    try:
        with PostgresServer(settings):
            bootstrap.prepare(settings)
        times = [_start(settings) for _ in range(rounds)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = Table("start of `rangka serve`, database included", ("until", "s"))
    table.add("/health/ready answers 200, median", f"{median(times):.2f}")
    return table


def _start(settings: Settings) -> float:
    here = site.Site(settings)
    command = [str(Path(sys.executable).with_name("rangka")), "serve"]
    started = time.perf_counter()
    server = subprocess.Popen(
        command,
        env=here.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not site.is_ready(here.url):
            if server.poll() is not None or time.perf_counter() - started > 60:
                raise RuntimeError("rangka serve did not become ready")
            time.sleep(0.01)
        return time.perf_counter() - started
    finally:
        server.terminate()
        server.wait(60)


def import_rows(here: site.Site) -> Table:
    """Import a CSV file over HTTP into a process of its own; read its peak memory."""
    port = site.free_port()
    with site.serving(here, port=port) as url:
        before = _peak_mib(port)
        lines = [
            "code,name,email,phone,city,status,quantity,joined_on,is_active,address"
        ]
        lines += [
            f"C{n},Customer {n},c{n}@example.com,+62812{n:08},Bandung,active,{n % 50},"
            f"2026-01-{1 + n % 28:02},true,10.0.{n // 250 % 250}.{n % 250}"
            for n in range(IMPORT_ROWS)
        ]
        headers = {
            "authorization": f"Bearer {here.tokens[site.ADMIN]}",
            "content-type": "text/csv",
        }
        request = Request(
            f"{url}/api/v1/data/bench/items/import",
            "\n".join(lines).encode(),
            headers,
            method="POST",
        )
        started = time.perf_counter()
        with urlopen(request, timeout=600) as reply:
            report = json.loads(reply.read())["data"]
        seconds = time.perf_counter() - started
        after = _peak_mib(port)
    if report["failed"] or report["imported"] != IMPORT_ROWS:
        raise RuntimeError(f"the import did not take every row: {report}")
    table = Table(f"import of {IMPORT_ROWS:,} rows of CSV", ("what", "figure"))
    table.add("rows a second", f"{IMPORT_ROWS / seconds:,.0f}")
    table.add("peak memory of the process, MiB", f"{after:.0f}")
    table.add("peak memory before the import, MiB", f"{before:.0f}")
    return table


def _peak_mib(port: int) -> float:
    """Return the largest peak (VmHWM, proc(5)) of the server's processes."""
    peaks = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = status.with_name("cmdline").read_bytes()
            if f"--port\0{port}".encode() not in command:
                continue
            text = status.read_text()
        except OSError:
            continue
        peaks += [int(line.split()[1]) for line in text.splitlines() if "VmHWM" in line]
    return max(peaks) / 1024
