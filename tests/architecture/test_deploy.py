"""The files in deploy/ pass their linters and name only settings that exist."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from engine.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LINTERS = {
    "image": ("hadolint", "--failure-threshold", "info", "deploy/Dockerfile"),
    "compose": (
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "deploy/compose.yaml",
    ),
    "nginx": ("gixy", "--format", "console", "deploy/nginx.conf"),
}


@pytest.mark.parametrize("name", LINTERS)
def test_linters_find_nothing(name: str) -> None:
    program, *arguments = LINTERS[name]
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Problem:" not in done.stdout


def test_only_settings_that_exist_are_named() -> None:
    known = {PREFIX + spec.name.upper() for spec in fields(Settings)}
    own = {"RANGKA_HTTP_PORT"}  # of the compose file itself
    for file in ("compose.yaml", "Dockerfile", ".env.example"):
        named = set(re.findall(r"RANGKA_[A-Z_]+", (DEPLOY / file).read_text()))
        assert named <= known | own, file


def test_the_image_copies_every_package() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for package in ("engine", "registry", "connectors", "metadata"):
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}" in ignored
