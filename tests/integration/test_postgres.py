"""The embedded server: shared, restarted, survives a kill, closed to strangers."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.postgres import PostgresServer
from engine.postgres_binaries import PostgresBinaries
from engine.settings import Settings, StartupError, socket_directory


@pytest.fixture(scope="module")
def own_settings(test_run_dir: Path, worker_id: str) -> Settings:
    """Settings of a data folder of this module."""
    return Settings.from_environment({}, data_dir=test_run_dir / f"server-{worker_id}")


@pytest.fixture
def server(own_settings: Settings) -> Iterator[PostgresServer]:
    with PostgresServer(own_settings) as running:
        yield running


def ask(settings: Settings, query: str) -> str:
    assert settings.admin_database_url is not None
    with psycopg.connect(settings.admin_database_url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return str(row[0])


def test_the_keeper_stops_it_and_an_attached_one_does_not(
    own_settings: Settings, server: PostgresServer
) -> None:
    attached = PostgresServer(own_settings)
    attached.start()
    assert server.is_keeper
    assert not attached.is_keeper

    attached.stop()
    assert server.is_running

    server.stop()
    assert not server.is_running


def test_committed_rows_survive_a_killed_server(
    own_settings: Settings, server: PostgresServer
) -> None:
    assert own_settings.admin_database_url is not None
    with psycopg.connect(own_settings.admin_database_url) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("insert into kept values (1)")
    pid = server.postmaster_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.release()

    again = PostgresServer(own_settings)
    again.start()
    try:
        assert again.is_keeper
        assert again.postmaster_pid != pid
        assert int(ask(own_settings, "select count(*) from kept")) >= 1
    finally:
        again.stop()


def test_a_server_without_keeper_is_adopted(
    own_settings: Settings, server: PostgresServer
) -> None:
    server.release()

    with PostgresServer(own_settings) as adopter:
        assert adopter.is_keeper
    assert not server.is_running


def test_it_runs_as_an_ordinary_user_behind_a_closed_folder(
    own_settings: Settings, server: PostgresServer
) -> None:
    found = socket_directory(own_settings.data_dir).stat()

    assert found.st_uid != 0
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert ask(own_settings, "show listen_addresses") == ""


def test_a_wrong_password_is_refused(
    own_settings: Settings, server: PostgresServer
) -> None:
    stranger = Settings.from_environment(
        {}, data_dir=own_settings.data_dir, secret_key=b"x" * 32
    )

    with pytest.raises(psycopg.OperationalError, match="password"):
        ask(stranger, "select 1")


def test_a_cluster_of_another_version_is_refused(own_settings: Settings) -> None:
    with PostgresServer(own_settings):
        pass
    marker = own_settings.data_dir / "postgres" / "cluster" / "PG_VERSION"
    made_by = marker.read_text()
    marker.write_text("14\n")

    try:
        with pytest.raises(StartupError, match="made by PostgreSQL 14"):
            PostgresServer(own_settings).start()
    finally:
        marker.write_text(made_by)


def test_named_programs_must_be_there(tmp_path: Path) -> None:
    settings = Settings.from_environment({}, data_dir=tmp_path, pg_bin=tmp_path)

    with pytest.raises(StartupError, match="RANGKA_PG_BIN"):
        PostgresBinaries.find(settings)
