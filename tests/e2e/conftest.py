"""A server in a process of its own on the test database, and a browser at it."""

import asyncio
import dataclasses
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, sync_playwright

from engine.identity.passwords import Passwords
from engine.parts import open_parts
from engine.platform import ensure_core, ensure_tenant, ensure_user
from engine.settings import Settings
from metadata import bundle
from registry import assignments, builtin
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site

BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="session")
def site(settings: Settings) -> Iterator[Site]:
    """Serve one tenant with the built-in services until the session ends."""
    mark = uuid4().hex[:8]
    asyncio.run(_fill(settings, mark))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    own = dataclasses.replace(
        settings,
        host="127.0.0.1",
        port=port,
        public_url=url,
        trusted_proxies="127.0.0.1",
    )
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("rangka")), "serve"],
        env={**os.environ, **own.to_environment()},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(url, process)
        yield Site(
            url,
            f"root-{mark}@example.com",
            f"admin-{mark}@example.com",
            f"Lestari {mark}",
        )
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def page(site: Site, chromium_path: str) -> Iterator[Page]:
    """Open a fresh browser; a script error or a refused resource fails the test."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=list(BROWSER)
        )
        context = browser.new_context(
            base_url=site.url,
            # Each test comes from an address of its own, since log-ins are limited
            # per address and the suite logs in far more often than a person.
            extra_http_headers={"X-Forwarded-For": f"2001:db8:{uuid4().hex[:4]}::1"},
        )
        opened = context.new_page()
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on(
            "console",
            lambda line: (
                wrong.append(line.text) if "Content Security" in line.text else None
            ),
        )
        yield opened
        browser.close()
    assert wrong == []


async def _fill(settings: Settings, mark: str) -> None:
    hashing = Passwords()
    async with open_parts(settings) as parts:
        for name in builtin.NAMES:
            async with parts.database.owner() as connection:
                definition = bundle.load(builtin.folder(name))
                await parts.publisher.publish(connection, definition, is_builtin=True)
        root = f"root-{mark}@example.com"
        await ensure_core(parts.database, hashing, email=root, password=PASSWORD)
        async with parts.database.system() as connection:
            tenant = await ensure_tenant(
                connection, {"name": f"Lestari {mark}", "slug": f"lestari-{mark}"}
            )
            for name in builtin.NAMES:
                await assignments.assign(connection, tenant, name)
        await ensure_user(
            parts.database,
            hashing,
            tenant,
            email=f"admin-{mark}@example.com",
            password=PASSWORD,
            name="Admin",
            roles=("TENANT_ADMIN",),
        )


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"The server ended with status {process.returncode}.")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("The server did not answer within 30 seconds.")
