"""The server's keys: made once, kept to their owner, recorded, published."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from pytest_aiohttp import AiohttpClient

from app.keys import files
from app.keys.errors import ServerKeyError
from app.keys.keeper import Keeper
from app.keys.model import KINDS, SYSTEM, KeyUse
from app.keys.service import open_database
from app.keys.views import KeyViews
from app.settings import Settings
from app.settings.model import DatabaseSettings, KeySettings
from manifests import note
from manifests.keys import PrivateKey, PublicKey
from manifests.note import VerifierKey
from tests.shell.opened import Clock, application, records_of


def settings_in(folder: Path) -> Settings:
    return Settings(
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{folder}/countersign.db")),
        keys=KeySettings(directory=folder / "keys"),
    )


def test_the_first_start_makes_keys_only_the_owner_can_read(tmp_path: Path) -> None:
    settings = KeySettings(directory=tmp_path / "keys")
    made = files.load(settings)
    assert {"gate": made.gate.kind, "log": made.log.kind} == KINDS
    for use in KINDS:
        assert stat.S_IMODE(files.path_of(settings, use).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in settings.directory.iterdir()) == ["gate.pem", "log.pem"]


def test_the_next_start_finds_the_same_keys(tmp_path: Path) -> None:
    settings = KeySettings(directory=tmp_path)
    assert files.load(settings).log.public == files.load(settings, create=False).log.public


def test_first_starts_at_the_same_time_agree_on_one_key(tmp_path: Path) -> None:
    settings = KeySettings(directory=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: files.load(settings).gate.public, range(16)))
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    settings = KeySettings(directory=tmp_path)
    files.load(settings)
    files.path_of(settings, "log").chmod(mode)
    with pytest.raises(ServerKeyError, match="chmod 600"):
        files.load(settings)


@pytest.mark.parametrize("use", ["gate", "log"])
def test_a_key_of_the_other_kind_is_refused(tmp_path: Path, use: KeyUse) -> None:
    other = PrivateKey.generate("ed25519" if use == "gate" else "ecdsa-p256").to_pem().decode()
    given = KeySettings.model_validate({use: other, "directory": tmp_path})
    with pytest.raises(ServerKeyError, match=f"keys.{use}: expected a key of kind") as caught:
        files.load(given)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_key_is_refused(tmp_path: Path, pem: str) -> None:
    with pytest.raises(ServerKeyError):
        files.load(KeySettings(gate=SecretStr(pem), directory=tmp_path))


def test_given_keys_leave_no_files(tmp_path: Path) -> None:
    pems = {use: SecretStr(PrivateKey.generate(kind).to_pem().decode()) for use, kind in KINDS.items()}
    files.load(KeySettings(gate=pems["gate"], log=pems["log"], directory=tmp_path / "keys"))
    assert not (tmp_path / "keys").exists()


def test_without_creating_a_missing_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServerKeyError, match=r"expected the gate key at .*gate\.pem, found none"):
        files.load(KeySettings(directory=tmp_path), create=False)


async def test_each_key_is_recorded_once_however_often_the_service_starts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for _ in range(2):
        database, keys = await open_database(settings, Clock())
        records = await records_of(database, SYSTEM)
        await database.close()
        assert [record.event for record in records] == ["key.created", "key.created"]
        assert {record.after for record in records} == {keys.gate.public.fingerprint, keys.log.public.fingerprint}


async def test_a_new_key_is_recorded_beside_the_old(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    database, keys = await open_database(settings, Clock())
    await database.close()
    files.path_of(settings.keys, "gate").unlink()
    database, after = await open_database(settings, Clock())
    told = [(record.event, record.after or record.before) for record in await records_of(database, SYSTEM)]
    old, new = (one.gate.public.fingerprint for one in (keys, after))
    assert told[2:] == [("key.rotated", new), ("key.retired", old)]
    await database.close()


async def test_public_keys_are_published_in_every_form(aiohttp_client: AiohttpClient, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    database, keys = await open_database(settings, Clock())
    keeper = Keeper(database, keys, settings.keys, Clock())
    client = await aiohttp_client(application(KeyViews(database, keys, keeper, ("acme",)).routes()))
    response = await client.get("/api/v1/keys")
    await database.close()
    gate, log = (await response.json())["keys"]
    assert "PRIVATE" not in await response.text()
    for shown, key in ((gate, keys.gate.public), (log, keys.log.public)):
        assert PublicKey.from_pem(shown["pem"].encode()) == PublicKey.from_openssh(shown["openssh"]) == key
        assert shown["fingerprint"] == key.fingerprint
    assert gate["vkeys"] == []
    assert [VerifierKey.parse(vkey).name.rpartition("/")[2] for vkey in log["vkeys"]] == ["acme", SYSTEM]


async def test_a_published_vkey_verifies_the_logs_checkpoints(tmp_path: Path) -> None:
    from sqlalchemy import text

    database, keys = await open_database(settings_in(tmp_path), Clock())
    row = await database.read(lambda tx: tx.first(text("SELECT note FROM checkpoints WHERE log = :log"), log=SYSTEM))
    assert row is not None
    verifier = VerifierKey.parse(keys.vkey(SYSTEM))
    assert note.verified_by(note.parse(row.note.encode()), [verifier]) == {verifier}
    await database.close()
