"""Keys that the settings give: in the clear, encrypted, or by a key service. What cannot be had stops the start."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.keys import files
from app.keys.errors import ServerKeyError
from app.settings.model import KeySettings
from manifests.keys import PrivateKey
from tests.keys import services
from tests.keys.made import LOGS, Clock, opened, settings_for
from tests.keys.services import KEY_ID, TOKEN, KeyService

GATE, LOG, NEXT = (PrivateKey.generate(kind) for kind in ("ecdsa-p256", "ed25519", "ed25519"))
SECRET = "correct horse battery staple"


@pytest.fixture
def service() -> Iterator[KeyService]:
    with services.running() as found:
        yield found


def kms(service: KeyService, folder: Path, **more: object) -> KeySettings:
    """Both keys, encrypted."""
    (folder / "gate.kms").write_bytes(services.encrypted(GATE.to_pem()))
    (folder / "log.kms").write_bytes(services.encrypted(LOG.to_pem()))
    access = {"endpoint": service.url, "region": "eu-west-1", "access_key": "AKIA", "secret_key": "secret"}
    return KeySettings.model_validate(
        {
            "directory": folder / "keys",
            "kms": {"gate": folder / "gate.kms", "log": folder / "log.kms", **access, **more},
        }
    )


def vault(service: KeyService, folder: Path, **more: object) -> KeySettings:
    (folder / "gate.vault").write_bytes(services.vault_encrypted(GATE.to_pem()))
    (folder / "log.vault").write_bytes(services.vault_encrypted(LOG.to_pem()))
    places = {"gate": folder / "gate.vault", "log": folder / "log.vault"}
    found = {"address": service.url, "token": TOKEN, "key": "countersign", **places, **more}
    return KeySettings.model_validate({"directory": folder / "keys", "vault": found})


@pytest.mark.parametrize("make", [kms, vault])
def test_a_key_service_opens_the_keys_which_then_live_in_memory_only(
    service: KeyService, tmp_path: Path, make: Any
) -> None:
    keys = files.load(make(service, tmp_path))
    assert (keys.gate.public, keys.log.public) == (GATE.public, LOG.public)
    assert not (tmp_path / "keys").exists()
    assert len(service.asked) == 2


def test_the_base64_that_the_aws_command_prints_is_taken_too(service: KeyService, tmp_path: Path) -> None:
    settings = kms(service, tmp_path)
    path = tmp_path / "log.kms"
    path.write_bytes(base64.encodebytes(path.read_bytes()))
    assert files.load(settings).log.public == LOG.public


def test_kms_is_told_which_key_must_have_encrypted_them(service: KeyService, tmp_path: Path) -> None:
    assert files.load(kms(service, tmp_path, key_id=KEY_ID)).log.public == LOG.public
    assert {asked["KeyId"] for asked in service.asked} == {KEY_ID}
    with pytest.raises(ServerKeyError, match="IncorrectKeyException"):
        files.load(kms(service, tmp_path, key_id=KEY_ID[:-1] + "0"))


@pytest.mark.parametrize("code", ["DisabledException", "NotFoundException", "KMSInvalidStateException"])
def test_a_key_service_that_refuses_stops_the_start(service: KeyService, tmp_path: Path, code: str) -> None:
    service.fail = [(400, code)]
    with pytest.raises(ServerKeyError, match=rf"keys\.kms\.gate: .*{code}.*does not start without"):
        files.load(kms(service, tmp_path))
    assert not (tmp_path / "keys").exists()


def test_vault_that_refuses_stops_the_start(service: KeyService, tmp_path: Path) -> None:
    with pytest.raises(ServerKeyError, match=r"keys\.vault\.gate: .*403: permission denied") as caught:
        files.load(vault(service, tmp_path, token="hvs.stolen"))
    assert "hvs.stolen" not in str(caught.value)


@pytest.mark.parametrize("make", [kms, vault])
def test_a_key_service_that_cannot_be_reached_stops_the_start(tmp_path: Path, make: Any) -> None:
    with services.running() as gone:
        settings = make(gone, tmp_path)
    with pytest.raises(ServerKeyError, match="cannot be asked"):
        files.load(settings)


@pytest.mark.parametrize("content", [b"", b"no blob of KMS", b"x" * 70_000], ids=["empty", "nonsense", "too much"])
def test_what_is_no_ciphertext_stops_the_start(service: KeyService, tmp_path: Path, content: bytes) -> None:
    settings = kms(service, tmp_path)
    (tmp_path / "log.kms").write_bytes(content)
    with pytest.raises(ServerKeyError, match=r"keys\.kms\.log"):
        files.load(settings)


def test_a_plaintext_that_is_no_key_is_not_told(service: KeyService, tmp_path: Path) -> None:
    settings = kms(service, tmp_path)
    (tmp_path / "log.kms").write_bytes(services.encrypted(b"the secret of something else"))
    with pytest.raises(ServerKeyError, match=r"keys\.kms\.log") as caught:
        files.load(settings)
    assert "secret of something" not in str(caught.value)


def test_a_key_in_the_settings_may_be_encrypted(tmp_path: Path) -> None:
    pem = LOG.to_pem(SECRET.encode()).decode()
    keys = files.load(KeySettings.model_validate({"log": pem, "passphrase": SECRET, "directory": tmp_path}))
    assert keys.log.public == LOG.public
    with pytest.raises(ServerKeyError, match=r"keys\.log: expected keys\.passphrase"):
        files.load(KeySettings.model_validate({"log": pem, "directory": tmp_path / "others"}))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"log": "x", "kms": {"log": "y"}}, "one place for the log key, found keys.log and keys.kms.log"),
        ({"log_next": "x"}, "only beside a log key that is given"),
        ({"passphrase": "short"}, "at least 16 characters"),
        ({"rotate_days": 7, "overlap_days": 7}, "overlap_days below rotate_days"),
        ({"kms": {"access_key": "x"}}, "both access_key and secret_key"),
        ({"vault": {"address": "http://vault.example", "token": "t", "key": "k"}}, "expected https"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        KeySettings.model_validate(given)


async def test_a_given_key_is_followed_by_the_one_that_is_given_beside_it(database_url: str, tmp_path: Path) -> None:
    one, two = ({"log": key.to_pem().decode()} for key in (LOG, NEXT))
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path, one), clock) as at:
        with pytest.raises(ServerKeyError, match=r"keys\.log_next"):
            await at.keeper.rotate("log", "token:1")
    both = {**one, "log_next": NEXT.to_pem().decode()}
    async with opened(settings_for(database_url, tmp_path, both), clock) as at:
        assert (await at.signers("acme"))[-1] == {LOG.public.fingerprint, NEXT.public.fingerprint}
    async with opened(settings_for(database_url, tmp_path, two), clock) as at:
        assert (await at.signers("acme"))[-1] == {NEXT.public.fingerprint}
        for log in (*LOGS, "system"):
            await at.expect_sound(log, LOG.public)


async def test_a_given_key_that_was_swapped_without_a_successor_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with opened(settings_for(url, tmp_path, {"log": LOG.to_pem().decode()}), Clock()):
        pass
    with pytest.raises(ServerKeyError, match=f"expected the key {LOG.public.fingerprint.replace('+', '.')}"):
        async with opened(settings_for(url, tmp_path, {"log": NEXT.to_pem().decode()}), Clock()):
            pass
