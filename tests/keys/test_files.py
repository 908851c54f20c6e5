"""Private keys in files: for their owner alone, encrypted if there is a passphrase, and gone when they are gone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from app.keys import durable, files
from app.keys.errors import ServerKeyError
from app.keys.files import ENCRYPTED, KeyDirectory
from app.settings.model import KeySettings
from manifests.keys import PrivateKey

SECRET = "correct horse battery staple"


def settings_in(folder: Path, passphrase: str | None = SECRET) -> KeySettings:
    return KeySettings.model_validate({"directory": folder / "keys", "passphrase": passphrase})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_with_a_passphrase_new_keys_are_encrypted(tmp_path: Path) -> None:
    keys = files.load(settings_in(tmp_path))
    for use in ("gate", "log"):
        assert ENCRYPTED in (tmp_path / "keys" / f"{use}.pem").read_bytes()
    assert files.load(settings_in(tmp_path)).log.public == keys.log.public


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    files.load(settings_in(tmp_path))
    with pytest.raises(ServerKeyError, match=r"expected keys\.passphrase"):
        files.load(settings_in(tmp_path, None))
    with pytest.raises(ServerKeyError, match="the one it was encrypted with"):
        files.load(settings_in(tmp_path, SECRET + "!"))


@pytest.mark.parametrize("role", ["current", "next", "previous"])
def test_every_key_is_its_owners_alone(tmp_path: Path, role: files.Role) -> None:
    directory = KeyDirectory(tmp_path / "keys")
    directory.make("log", role)
    path = directory.path("log", role)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    path.chmod(0o640)
    with pytest.raises(ServerKeyError, match="chmod 600"):
        directory.read("log", role)


def test_keys_are_encrypted_and_decrypted_where_they_are(tmp_path: Path) -> None:
    plain = files.load(settings_in(tmp_path, None))
    directory = files.directory(settings_in(tmp_path))
    directory.make("log", "next")
    assert {path.name for path in directory.in_the_clear()} == {"gate.pem", "log.pem"}
    changed = directory.convert(SECRET.encode())
    assert {path.name for path in changed} == {"gate.pem", "log.pem"}
    assert directory.in_the_clear() == ()
    assert {mode(path) for path in changed} == {0o600}
    assert files.load(settings_in(tmp_path)).log.public == plain.log.public
    assert directory.convert(SECRET.encode()) == ()
    assert len(directory.convert(None)) == 3
    assert files.load(settings_in(tmp_path, None)).gate.public == plain.gate.public


def test_a_conversion_overwrites_what_was_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.pem"
    files.load(settings_in(tmp_path, None))
    with path.open("rb") as old:
        files.directory(settings_in(tmp_path)).convert(SECRET.encode())
        assert os.fstat(old.fileno()).st_size == 0


def test_a_destroyed_key_is_overwritten_before_it_goes(tmp_path: Path) -> None:
    directory = KeyDirectory(tmp_path)
    directory.make("log", "previous")
    with directory.path("log", "previous").open("rb") as old:
        directory.destroy("log", "previous")
        assert old.read() == b""
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_two_names_survives_the_loss_of_one(tmp_path: Path) -> None:
    directory = KeyDirectory(tmp_path)
    key = directory.make("log")
    durable.link(directory.path("log"), directory.path("log", "previous"))
    directory.destroy("log", "previous")
    found = directory.read("log")
    assert found is not None
    assert found.public == key.public


def test_what_cut_off_steps_left_is_swept(tmp_path: Path) -> None:
    directory = KeyDirectory(tmp_path)
    key = directory.make("log")
    going, unfinished = tmp_path / f".log.previous.pem{durable.GOING}", tmp_path / ".log.next.pem.a1b2"
    for path in (going, unfinished):
        path.write_bytes(PrivateKey.generate("ed25519").to_pem())
    written = round(unfinished.stat().st_mtime * 1_000_000)
    directory.sweep(written)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".log.next.pem.a1b2", "log.pem"]
    directory.sweep(written + 3_600_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["log.pem"]
    found = directory.read("log")
    assert found is not None
    assert found.public == key.public


def test_public_keys_are_archived_under_a_name_of_their_own(tmp_path: Path) -> None:
    directory = KeyDirectory(tmp_path)
    keys = [PrivateKey.generate("ed25519").public for _ in range(3)]
    for key in (*keys, *keys):
        directory.archive("log", key)
    (tmp_path / "archive" / "log-broken.pub").write_text("ssh-ed25519 AAAA\n")
    assert set(directory.archived("log")) == set(keys)
    assert directory.archived("gate") == ()
