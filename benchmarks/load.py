"""Load generators: wrk for HTTP, pgbench for the SQL below it.

Both are C programs of their own process, so that what is measured is not the tool.
pgbench comes with the embedded server; wrk is a package of every distribution.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.driver import Call
from engine.postgres_account import ServerAccount
from engine.postgres_binaries import PostgresBinaries
from engine.settings import Settings

CONNECTIONS = 16
CLIENTS = 6
"""Connections of pgbench: as many as keep two cores busy."""


class MissingTool(Exception):
    """A program the bench needs is not here."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, and times in milliseconds."""

    per_second: float
    p50: float = 0.0
    p99: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """One HTTP request, repeated; `paths` are taken in turn."""

    url: str
    paths: Sequence[str]
    token: str | None = None
    body: str | None = None


def http(target: Target, seconds: float, connections: int = CONNECTIONS) -> Rate:
    """Return the rate of requests; raises when any answer is not 2xx."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise MissingTool("wrk is not installed: apt-get install wrk, or brew install.")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_lua(target))
        script.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "9s"]
        command += ["-s", script.name]
        done = subprocess.run(
            [*command, target.url], capture_output=True, text=True, check=True
        )
    lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
    found = json.loads(lines[-1])
    if found["bad"] or not found["requests"]:
        raise RuntimeError(f"{target.url}{target.paths[0]}: {found}\n{done.stdout}")
    return Rate(
        found["requests"] / found["us"] * 1e6, found["p50"] / 1e3, found["p99"] / 1e3
    )


def _lua(target: Target) -> str:
    headers = {"Content-Type": "application/json"}
    if target.token:
        headers["Authorization"] = f"Bearer {target.token}"
    head = "".join(f"wrk.headers[{_q(k)}] = {_q(v)}\n" for k, v in headers.items())
    paths = ", ".join(_q(path) for path in target.paths)
    method = "POST" if target.body is not None else "GET"
    body = f"wrk.body = {_q(target.body)}\n" if target.body is not None else ""
    return f"""
wrk.method = "{method}"
{head}{body}
local paths = {{ {paths} }}
local ready, at = {{}}, 0
init = function(args)
  for i, path in ipairs(paths) do ready[i] = wrk.format(nil, path) end
end
request = function()
  at = at % #ready + 1
  return ready[at]
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format(
    '{{"requests":%d,"us":%d,"bad":%d,"p50":%f,"p99":%f}}\\n',
    summary.requests, summary.duration, e.status + e.connect + e.read + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def _q(text: str) -> str:
    return json.dumps(text)


def sql(
    settings: Settings,
    requests: Sequence[Sequence[Call]],
    tenant: str | None,
    seconds: float,
    fresh: Mapping[str, str] | None = None,
) -> Rate:
    """Return how often a second PostgreSQL alone answers these requests, in turn.

    Each is sent as the product sends it: tenant setting and prepared statements in one
    pipeline. `fresh` replaces values by SQL that makes another one each time, from
    the random number `:n`.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, calls in enumerate(requests):
            path = Path(folder) / f"{number}.sql"
            path.write_text(_script(calls, tenant, fresh or {}))
            files += ["-f", str(path)]
        account = ServerAccount.choose()
        Path(folder).chmod(0o755)
        pgbench = PostgresBinaries.find(settings).bin_dir / "pgbench"
        command = [
            str(pgbench), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1",
            "-T", f"{max(1, round(seconds))}", *files, settings.app_database_url,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=_environment()
        )
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    if rate is None or latency is None:
        raise RuntimeError(f"pgbench ({account.uid}): {done.stdout}\n{done.stderr}")
    return Rate(float(rate[1]), float(latency[1]))


def _environment() -> dict[str, str]:
    return {**os.environ, "PGOPTIONS": "-c statement_timeout=0"}


def _script(calls: Sequence[Call], tenant: str | None, fresh: Mapping[str, str]) -> str:
    lines = ["\\set n random(1, 281474976710655)", "\\startpipeline"]
    if tenant is not None:
        lines.append(f"select set_config('rangka.tenant', '{tenant}', true);")
    lines += [f"{_literal(call, fresh)};" for call in calls]
    return "\n".join([*lines, "\\endpipeline"]) + "\n"


def _literal(call: Call, fresh: Mapping[str, str]) -> str:
    statement, params = call

    def value(match: re.Match[str]) -> str:
        raw = params[int(match[1]) - 1]
        if raw is None:
            return "null"
        text = raw.decode()
        return fresh.get(text) or "'" + text.replace("'", "''") + "'"

    return re.sub(r"\$(\d+)", value, statement.text.replace("\n", " "))
