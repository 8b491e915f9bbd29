"""Bootstrap: idempotent, roles without power, refusals, leakproof marks, doctor."""

from collections.abc import Iterator

import psycopg
import pytest

from engine import bootstrap, migrations
from engine.bootstrap import check_roles
from engine.cli.database import installed_database
from engine.cli.doctor import examine
from engine.settings import NoInstallation, Settings, StartupError


@pytest.fixture
def admin(settings: Settings) -> Iterator[psycopg.Connection]:
    """An administrator's connection to the database under test, rolled back."""
    assert settings.admin_database_url is not None
    address = psycopg.conninfo.make_conninfo(
        settings.admin_database_url, dbname=settings.database_name
    )
    with psycopg.connect(address) as connection:
        yield connection
        connection.rollback()


def test_a_second_run_has_nothing_to_do(settings: Settings) -> None:
    assert bootstrap.prepare(settings) == ()

    with psycopg.connect(settings.owner_database_url) as owner:
        assert migrations.pending(owner) == ()
        assert migrations.stored_revision(owner) == migrations.revisions()[-1]


@pytest.mark.parametrize("field", ["app_database_url", "system_database_url"])
def test_the_roles_of_the_application_may_serve(settings: Settings, field: str) -> None:
    with psycopg.connect(getattr(settings, field)) as connection:
        check_roles(connection)


def test_an_owner_is_refused(settings: Settings) -> None:
    with (
        psycopg.connect(settings.owner_database_url) as owner,
        pytest.raises(StartupError, match="rangka_owner owns rangka"),
    ):
        check_roles(owner)


def test_a_superuser_is_refused(admin: psycopg.Connection) -> None:
    with pytest.raises(StartupError, match="is a superuser"):
        check_roles(admin)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("alter role rangka_app bypassrls", "rangka_app has BYPASSRLS"),
        ("grant rangka_owner to rangka_app", "membership in rangka_owner"),
        (
            "create schema svc_x authorization rangka_app create table t ()",
            "rangka_app owns svc_x.t",
        ),
    ],
)
def test_a_role_that_gained_power_is_refused(
    admin: psycopg.Connection, statement: str, reason: str
) -> None:
    admin.execute(statement)
    admin.execute("set local role rangka_app")

    with pytest.raises(StartupError, match=reason) as refused:
        check_roles(admin)

    assert "As an administrator run:" in str(refused.value)


@pytest.mark.parametrize(
    "statement",
    [
        "create table rangka.mine ()",
        "create table public.mine ()",
        "create schema mine",
        "truncate rangka.log",
        "alter table rangka.log disable row level security",
        "create role mine",
    ],
)
def test_the_application_may_not_define_anything(
    settings: Settings, statement: str
) -> None:
    with (
        psycopg.connect(settings.app_database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_indexes_stay_usable_under_row_security(admin: psycopg.Connection) -> None:
    assert bootstrap.missing_leakproof(admin) == ()

    admin.execute("alter function pg_catalog.numeric_eq(numeric,numeric) not leakproof")

    assert bootstrap.missing_leakproof(admin) == ("numeric_eq(numeric,numeric)",)


def test_a_newer_database_is_refused(admin: psycopg.Connection) -> None:
    admin.execute("update rangka.alembic_version set version_num = '9999'")

    with pytest.raises(StartupError, match="newer"):
        migrations.pending(admin)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(bootstrap.DatabaseUnreachable) as refused:
        bootstrap.connect("postgresql://someone:hunter2@127.0.0.1:1/nothing")

    assert "127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_doctor_finds_nothing_wrong(settings: Settings) -> None:
    failed = [check for check in examine(settings) if check.status == "failed"]

    assert failed == []


def test_doctor_names_a_table_without_row_security(settings: Settings) -> None:
    with psycopg.connect(settings.owner_database_url, autocommit=True) as owner:
        owner.execute("create table rangka.leaky (tenant_id uuid)")
        try:
            found = {check.name: check for check in examine(settings)}
        finally:
            owner.execute("drop table rangka.leaky")

    check = found["row level security"]
    assert check.status == "failed"
    assert "rangka.leaky" in check.detail
    assert "FORCE" in check.remedy


def test_a_command_for_an_installation_sets_none_up_on_a_server(
    settings: Settings,
) -> None:
    assert settings.admin_database_url is not None
    name = f"{settings.database_name}_bare"
    bare = Settings.from_environment(
        {},
        data_dir=settings.data_dir,
        secret_key=settings.secret_key,
        database_url=settings.admin_database_url,
        database_name=name,
    )
    with psycopg.connect(settings.admin_database_url, autocommit=True) as admin:
        with pytest.raises(StartupError, match=name), installed_database(bare):
            pass
        found = admin.execute("select 1 from pg_database where datname = %s", (name,))
        assert found.fetchone() is None

        admin.execute(f"create database {name} owner rangka_owner")
        try:
            with (
                pytest.raises(NoInstallation, match=f"in the database {name}"),
                installed_database(bare),
            ):
                pass
            with psycopg.connect(bare.owner_database_url) as owner:
                schema = owner.execute("select to_regnamespace('rangka')").fetchone()
            assert schema == (None,)
        finally:
            admin.execute(f"drop database {name} with (force)")
