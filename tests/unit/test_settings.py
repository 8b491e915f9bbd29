"""Settings: defaults, derived addresses, refusals that name the variable."""

from dataclasses import fields
from pathlib import Path

import pytest

from engine.settings import (
    Settings,
    SettingsError,
    derive_key,
    socket_directory,
)

KEY = "k" * 32


def read(tmp_path: Path, **variables: str) -> Settings:
    return Settings.from_environment(
        {"RANGKA_DATA_DIR": str(tmp_path), "RANGKA_SECRET_KEY": KEY, **variables}
    )


def test_defaults_are_the_embedded_server_on_loopback() -> None:
    settings = read(Path("/srv/rangka"))

    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.is_embedded
    assert settings.redis_url is None
    assert settings.public_url == "http://127.0.0.1:8000"
    assert "?host=/srv/rangka/postgres/run" in settings.app_database_url


def test_each_role_has_its_own_password_derived_from_the_key(tmp_path: Path) -> None:
    settings = read(tmp_path)

    for role, url in (
        ("rangka_owner", settings.owner_database_url),
        ("rangka_app", settings.app_database_url),
        ("rangka_system", settings.system_database_url),
    ):
        password = derive_key(KEY.encode(), role).hex()
        assert url.startswith(f"postgresql://{role}:{password}@")


def test_an_external_address_gives_the_roles_their_server(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        RANGKA_DATABASE_URL="postgresql://admin:pw@db.test:6432/postgres?sslmode=require",
        RANGKA_DATABASE_NAME="shop",
    )

    assert not settings.is_embedded
    assert settings.app_database_url.endswith("@db.test:6432/shop?sslmode=require")
    assert "admin" not in settings.app_database_url
    assert ":pw@" not in settings.app_database_url


def test_role_addresses_alone_mean_a_prepared_external_server(tmp_path: Path) -> None:
    settings = read(tmp_path, RANGKA_APP_DATABASE_URL="postgresql://app:x@db.test/shop")

    assert settings.app_database_url == "postgresql://app:x@db.test/shop"
    assert not settings.is_embedded
    assert settings.admin_database_url is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RANGKA_PORT", "80a"),
        ("RANGKA_PORT", "0"),
        ("RANGKA_PORT", "65536"),
        ("RANGKA_WORKERS", "-1"),
        ("RANGKA_LOG_LEVEL", "loud"),
        ("RANGKA_ENVIRONMENT", "staging"),
        ("RANGKA_DATABASE_URL", "mysql://x"),
        ("RANGKA_REDIS_URL", "http://x"),
        ("RANGKA_PUBLIC_URL", "example.com"),
        ("RANGKA_SECRET_KEY", "short"),
        ("RANGKA_BODY_LIMIT_BYTES", "10 MiB"),
    ],
)
def test_an_unusable_value_is_refused_by_its_variable(
    tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}"):
        read(tmp_path, **{variable: value})


def test_a_refusal_does_not_show_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, RANGKA_DATABASE_URL="mysql://root:hunter2@db")

    assert "hunter2" not in str(refused.value)


def test_production_demands_a_public_address(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RANGKA_PUBLIC_URL"):
        read(tmp_path, RANGKA_ENVIRONMENT="production")


def test_no_secret_is_in_the_representation(tmp_path: Path) -> None:
    settings = read(tmp_path, RANGKA_DATABASE_URL="postgresql://a:hunter2@db/x")

    shown = repr(settings)

    assert KEY not in shown
    assert "hunter2" not in shown
    assert derive_key(KEY.encode(), "rangka_app").hex() not in shown


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RANGKA_PORT": "9000", "RANGKA_REDIS_URL": "redis://127.0.0.1/1"},
        {"RANGKA_DATABASE_URL": "postgresql://a:b@db/x"},
        {"RANGKA_APP_DATABASE_URL": "postgresql://a:b@db/x"},
    ],
)
def test_another_process_reads_the_same_settings(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    settings = read(tmp_path, **variables)

    assert Settings.from_environment(settings.to_environment()) == settings


def test_an_override_wins_over_the_environment(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"RANGKA_PORT": "9000"}, data_dir=tmp_path, port=9100
    )

    assert settings.port == 9100
    assert settings.public_url == "http://127.0.0.1:9100"


def test_an_unknown_override_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="prot"):
        Settings.from_environment({}, data_dir=tmp_path, prot=1)


@pytest.mark.parametrize("length", [10, 60, 80, 100, 200])
def test_the_socket_fits_whatever_the_data_folder(length: int) -> None:
    directory = socket_directory(Path("/") / ("d" * length))

    assert len(str(directory / ".s.PGSQL.5432.lock")) <= 107


def test_every_variable_is_documented_with_its_default() -> None:
    operations = Path(__file__).parents[2] / "docs" / "operations.md"
    text = operations.read_text()

    for spec in fields(Settings):
        default = spec.metadata["default"]
        shown = "" if default is None else f"`{default}`"
        row = f"| `RANGKA_{spec.name.upper()}` | {shown} | {spec.metadata['help']} |"
        assert row in text


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 0),
        ({"RANGKA_ENVIRONMENT": "production"}, 5),
        ({"RANGKA_ENVIRONMENT": "production", "RANGKA_NOTICE_SECONDS": "0"}, 0),
        ({"RANGKA_NOTICE_SECONDS": "15"}, 15),
    ],
)
def test_a_stop_is_announced_in_production(
    tmp_path: Path, given: dict[str, str], seconds: int
) -> None:
    given = {**given, "RANGKA_PUBLIC_URL": "https://rangka.test"}
    assert read(tmp_path, **given).notice_seconds == seconds


def test_the_notice_of_a_stop_leaves_time_for_requests(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RANGKA_NOTICE_SECONDS is more than half"):
        read(tmp_path, RANGKA_NOTICE_SECONDS="11", RANGKA_DRAIN_SECONDS="20")
