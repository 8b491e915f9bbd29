"""The secret key file: made once, private, never replaced."""

from pathlib import Path

import pytest

from engine.secretkey import SecretKeyError, load_or_create


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = load_or_create(tmp_path / "new" / "secret.key")

    assert len(first) == 32
    assert load_or_create(tmp_path / "new" / "secret.key") == first
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["secret.key"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    load_or_create(tmp_path / "secret.key")

    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_create(tmp_path / "secret.key")
    (tmp_path / "secret.key").chmod(0o644)

    with pytest.raises(SecretKeyError, match="chmod 600"):
        load_or_create(tmp_path / "secret.key")


def test_a_cut_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.touch(mode=0o600)
    path.write_bytes(b"cut")

    with pytest.raises(SecretKeyError, match="backup"):
        load_or_create(path)

    assert path.read_bytes() == b"cut"
