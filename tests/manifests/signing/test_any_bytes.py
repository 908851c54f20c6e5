"""Whatever arrives, a reader gives an object or a ManifestError: nothing else may escape into the service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import (
    checkpoint,
    dsse,
    lfs,
    lineage,
    merkle,
    note,
    record,
    ssh_keys,
    sshsig,
    statement,
    strict_json,
    test_results,
    times,
    vsa,
)
from manifests.attestation import FileDigest
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from manifests.lineage_record import Recipe, build_lineage
from tests.manifests.signing.test_statement import PAYLOAD as CONSENT
from tests.manifests.signing.test_vsa import PAYLOAD as SUMMARY

KEY = PrivateKey.generate("ed25519")
FILES = (FileDigest("m", "a" * 64),)
PEM = KEY.public.to_pem()

READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "json": (strict_json.decode, b'{"a":[1,2.5,"\\u00e9",null]}'),
    "dsse": (dsse.parse, dsse.encode(dsse.sign("t", b"{}", [KEY], carry_public_key=True))),
    "sshsig": (lambda data: sshsig.verify(data.decode("latin-1"), b"x"), sshsig.sign(KEY, b"x").encode()),
    "ssh key": (lambda data: ssh_keys.from_openssh(data.decode("latin-1")), KEY.public.to_openssh().encode()),
    "ssh blob": (ssh_keys.from_blob, ssh_keys.from_passkey(PrivateKey.generate().public.raw(), "a.b").blob),
    "key text": (lambda data: PublicKey.parse(data.decode("utf-8", "surrogateescape")), PEM),
    "key blob": (PublicKey.from_blob, KEY.public.blob),
    "private key": (PrivateKey.from_pem, KEY.to_pem()),
    "lineage": (lineage.read, build_lineage(Recipe(FILES, FILES, "b", {"lr": "1"}, triggered_by="a"))),
    "test result": (test_results.read, test_results.build_test_result(test_results.TestResult(FILES, "PASSED"))),
    "consent": (statement.parse, CONSENT),
    "vsa": (vsa.parse_vsa, SUMMARY),
    "note": (note.parse, note.sign("text\n", [("name", KEY)]).encode()),
    "checkpoint": (checkpoint.parse, checkpoint.sign(checkpoint.Checkpoint("o", 1, bytes(32)), [("o", KEY)])),
    "verifier key": (
        lambda data: note.VerifierKey.parse(data.decode("latin-1")),
        note.VerifierKey("o", KEY.public).encode().encode(),
    ),
    "frontier": (merkle.Frontier.from_bytes, (3).to_bytes(8, "big") + bytes(64)),
    "lfs": (lfs.parse, b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1\n"),
    "time": (lambda data: times.from_rfc3339(data.decode("latin-1")), b"2026-11-20T10:00:00.5+01:00"),
    "link": (record.link, b'{"log":"a","prev":"b","seq":1,"trace_id":"t","ts":1,"tseq":0}'),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_reader_answers_or_raises_a_manifest_error(name: str, data: st.DataObject) -> None:
    read, example = READERS[name]
    read(example)
    at = data.draw(st.integers(0, len(example)))
    cut = data.draw(st.integers(0, 8))
    inserted = data.draw(st.binary(max_size=8) | st.just(b"[" * 3000))
    with contextlib.suppress(ManifestError):
        read(example[:at] + inserted + example[at + cut :])
