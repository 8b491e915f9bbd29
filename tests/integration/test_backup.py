"""`rangka backup` and `rangka restore` on a real database."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from engine import bootstrap
from engine.backup import BackupError, make, prune, restore
from engine.backup.dump import SUFFIX, kept
from engine.cli import main
from engine.settings import Settings
from tests.fixtures.database import drop_database

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """An installation of its own, with one tenant and one sealed thing in it."""
    own = Settings.from_environment(
        {},
        data_dir=tmp_path,
        secret_key=settings.secret_key,
        database_url=settings.admin_database_url,
        database_name=f"rangka_backup_{uuid4().hex[:10]}",
    )
    bootstrap.prepare(own)
    add_tenant(own, "first")
    yield own
    for name in (own.database_name, *copies(own)):
        drop_database(dataclasses.replace(own, database_name=name))


def add_tenant(settings: Settings, slug: str) -> None:
    with psycopg.connect(settings.system_database_url) as system:
        system.execute(
            "insert into rangka.tenants (id, slug, name) values (%s, %s, %s)",
            (uuid4(), slug, "Warung café ☕"),
        )


def tenants(settings: Settings) -> list[tuple[str, str]]:
    with psycopg.connect(settings.system_database_url) as system:
        return system.execute(
            "select slug, name from rangka.tenants order by slug"
        ).fetchall()


def copies(settings: Settings) -> list[str]:
    with psycopg.connect(str(settings.admin_database_url)) as admin:
        found = admin.execute(
            "select datname::text from pg_database where datname like %s",
            (f"{settings.database_name}\\_%",),
        )
        return [row[0] for row in found.fetchall()]


def test_a_restore_brings_back_what_the_backup_saw(
    place: Settings, tmp_path: Path
) -> None:
    backup = make(place, tmp_path / "out", now=NOW)
    add_tenant(place, "later")

    restored = restore(place, backup.path)

    assert tenants(place) == [("first", "Warung café ☕")]
    assert restored.tenants == 1
    before = dataclasses.replace(place, database_name=restored.replaced)
    with psycopg.connect(str(place.admin_database_url), dbname=restored.replaced) as db:
        slugs = db.execute("select slug from rangka.tenants order by 1").fetchall()
    assert slugs == [("first",), ("later",)]
    assert copies(place) == [before.database_name]
    assert backup.path.name == f"{place.database_name}-20261121T020000Z.rangka-backup"
    assert backup.path.stat().st_mode & 0o077 == 0
    assert b"Warung" not in backup.path.read_bytes()


def test_who_is_about_to_leave_is_waited_for(place: Settings, tmp_path: Path) -> None:
    backup = make(place, tmp_path / "out", now=NOW)
    leaving = psycopg.connect(place.app_database_url)
    timer = threading.Timer(0.5, leaving.close)
    timer.start()
    assert restore(place, backup.path).tenants == 1
    timer.join()


def test_roles_and_row_security_are_as_before(place: Settings, tmp_path: Path) -> None:
    restore(place, make(place, tmp_path / "out", now=NOW).path)

    with bootstrap.connect(place.app_database_url) as app:
        bootstrap.check_roles(app)
        assert app.execute("select count(*) from rangka.log").fetchone() == (0,)
    with psycopg.connect(place.owner_database_url) as owner:
        loose = owner.execute(
            "select relname from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where nspname = 'rangka' and relkind = 'r' and not relforcerowsecurity "
            "and exists (select 1 from pg_attribute where attrelid = c.oid "
            "and attname = 'tenant_id')"
        ).fetchall()
    assert loose == []


@pytest.mark.parametrize("damage", ["flip", "cut", "key", "other"])
def test_a_file_that_does_not_open_changes_nothing(
    place: Settings, tmp_path: Path, damage: str
) -> None:
    path = make(place, tmp_path / "out", now=NOW).path
    raw = bytearray(path.read_bytes())
    asked = place
    if damage == "flip":
        raw[len(raw) // 2] ^= 1
    elif damage == "cut":
        del raw[-1000:]
    elif damage == "other":
        raw[:] = b"PGDMP" + raw
    else:
        asked = dataclasses.replace(place, secret_key=b"another key" * 4)
    path.write_bytes(bytes(raw))

    with pytest.raises(BackupError):
        restore(asked, path)

    assert tenants(place) == [("first", "Warung café ☕")]
    assert copies(place) == []


def test_a_database_in_use_is_not_replaced(place: Settings, tmp_path: Path) -> None:
    path = make(place, tmp_path / "out", now=NOW).path
    with (
        psycopg.connect(place.app_database_url),
        pytest.raises(BackupError, match="Stop rangka serve"),
    ):
        restore(place, path)
    assert tenants(place) == [("first", "Warung café ☕")]
    assert copies(place) == []


def test_a_restore_that_is_killed_leaves_the_installation(
    place: Settings, tmp_path: Path
) -> None:
    path = make(place, tmp_path / "out", now=NOW).path
    rangka = str(Path(sys.executable).with_name("rangka"))
    child = subprocess.Popen(
        [rangka, "restore", str(path)], env={**os.environ, **place.to_environment()}
    )
    deadline = time.monotonic() + 30
    while not copies(place) and time.monotonic() < deadline:
        assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert [name.partition("_restore_")[0] for name in copies(place)] == [
        place.database_name
    ]
    assert tenants(place) == [("first", "Warung café ☕")]
    # And the next one goes through.
    assert restore(place, path).tenants == 1


def test_the_newest_are_kept(place: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    made = [make(place, folder, now=NOW + timedelta(days=d)).path for d in range(4)]
    (folder / "notes.txt").write_text("mine")
    other = folder / "otherdb-20200101T000000Z.rangka-backup"
    other.touch()

    gone = prune(place, folder, 2)

    assert sorted(gone) == made[:2]
    assert kept(place, folder) == [made[3], made[2]]
    assert other.exists()
    assert sorted(p.name for p in folder.glob("*.partial")) == []


def test_backups_of_a_database_with_a_longer_name_are_not_ours(
    place: Settings, tmp_path: Path
) -> None:
    ours, other = place.database_name, f"{place.database_name}-test"
    stamps = [f"2026111{day}T020000Z" for day in range(4)]
    for name in (ours, other):
        for stamp in stamps:
            (tmp_path / f"{name}-{stamp}{SUFFIX}").touch()
    (tmp_path / f"{ours}-{stamps[0]}{SUFFIX}.copy").touch()

    gone = prune(place, tmp_path, 1)

    assert [path.name for path in gone] == [
        f"{ours}-{stamp}{SUFFIX}" for stamp in reversed(stamps[:3])
    ]
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {f"{other}-{stamp}{SUFFIX}" for stamp in stamps} < left
    assert f"{ours}-{stamps[0]}{SUFFIX}.copy" in left


def test_what_a_killed_run_left_goes_with_the_next_one(
    place: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    dead = folder / f"{place.database_name}-k1lled_.partial"
    alive = folder / f"{place.database_name}-runs.partial"
    other = folder / f"{place.database_name}-test-k1lled.partial"
    for path in (dead, alive, other):
        path.touch()
    for path in (dead, other):
        os.utime(path, (0, 0))

    make(place, folder, now=NOW)

    assert sorted(folder.glob("*.partial")) == sorted([alive, other])


def test_a_backup_that_fails_leaves_no_file(place: Settings, tmp_path: Path) -> None:
    broken = dataclasses.replace(place, database_name="not_there")
    with pytest.raises(BackupError, match="pg_dump"):
        make(broken, tmp_path / "out", now=NOW)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_its_key_a_restore_makes_nothing(
    place: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(place, tmp_path / "out", now=NOW)
    fresh = tmp_path / "new machine"
    for key in (None, b"another key of forty signs and some more."):
        if key is not None:
            fresh.mkdir()
            (fresh / "secret.key").write_bytes(key)
        assert main(["restore", str(made.path), "--data-dir", str(fresh)]) != 0
        told = capsys.readouterr()
        assert "secret.key" in told.err if key is None else "key" in told.err
        found = {each.name for each in fresh.iterdir()} if fresh.exists() else set()
        assert found <= {"secret.key"}


def test_the_commands_say_what_they_did(
    place: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in place.to_environment().items():
        monkeypatch.setenv(name, value)
    assert main(["backup", "--to", str(tmp_path / "b"), "--keep", "1"]) == 0
    path = capsys.readouterr().out.split(" (")[0]
    assert main(["restore", path]) == 0
    assert "Restored 1 tenants" in capsys.readouterr().out
    assert main(["restore", str(tmp_path / "nothing")]) == 1
    assert "cannot be read" in capsys.readouterr().err
