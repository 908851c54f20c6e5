from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import dsse, times
from manifests.attestation import FileDigest
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.vsa import Reference, Vsa, build_vsa, parse_vsa
from tests.requirements import need

A, B = "a" * 64, "b" * 64
SUMMARY = Vsa(
    verifier_id="https://countersign.example",
    resource_uri="git+https://github.com/acme/models@refs/heads/main",
    policy=Reference("git+https://github.com/acme/models#.github/countersign.yaml", A),
    subjects=(FileDigest("policy.pt", B),),
    time_verified=1_763_632_800_000_001,
    expires_at=1_763_633_700_000_000,
    environment="production",
    decision_id="d_1",
    change="CHG0030001",
    levels=("COUNTERSIGN_FOUR_EYES_2_PERSONS",),
    input_attestations=(Reference("blob:1", A), Reference("blob:2", B)),
)
PAYLOAD = build_vsa(SUMMARY)


def test_a_summary_reads_back() -> None:
    assert parse_vsa(PAYLOAD) == SUMMARY


def test_it_has_the_fields_and_types_that_slsa_verifier_decodes() -> None:
    predicate = json.loads(PAYLOAD)["predicate"]
    assert predicate["verifier"] == {"id": "https://countersign.example"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", predicate["timeVerified"])
    assert predicate["policy"] == {"uri": SUMMARY.policy.uri, "digest": {"sha256": A}}
    assert predicate["inputAttestations"][1] == {"uri": "blob:2", "digest": {"sha256": B}}
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["COUNTERSIGN_FOUR_EYES_2_PERSONS"]
    assert predicate["resourceUri"] == SUMMARY.resource_uri
    known = "verifier timeVerified policy inputAttestations verificationResult verifiedLevels resourceUri"
    assert all(name.startswith("https://") for name in set(predicate) - set(known.split()))


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": ()},
        {"subjects": (FileDigest("policy.pt", B + "\n"),)},
        {"policy": Reference("x", "")},
        {"input_attestations": (Reference("x", "A" * 64),)},
        {"levels": ("SLSA_BUILD_LEVEL_3",)},
        {"result": "FAILED"},
        {"environment": ""},
        {"decision_id": ""},
        {"expires_at": SUMMARY.time_verified},
    ],
)
def test_an_unsound_summary_is_neither_written_nor_read(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        build_vsa(msgspec.structs.replace(SUMMARY, **change))


def test_a_denial_has_no_levels() -> None:
    denial = msgspec.structs.replace(SUMMARY, result="FAILED", levels=(), change="")
    assert parse_vsa(build_vsa(denial)) == denial


def _edited(edit: Any) -> bytes:
    document = json.loads(PAYLOAD)
    edit(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "payload",
    [
        _edited(lambda d: d["subject"].clear()),
        _edited(lambda d: d["predicate"].pop("https://countersign.dev/vsa/environment")),
        _edited(lambda d: d["predicate"].pop("https://countersign.dev/vsa/expiresAt")),
        _edited(lambda d: d["predicate"].update(verificationResult="MAYBE")),
        _edited(lambda d: d["predicate"].update(timeVerified="yesterday")),
        _edited(lambda d: d["predicate"].update(timeVerified="2026-01-01T00:00:00")),
        _edited(lambda d: d["predicate"].update(verifiedLevels=["SLSA_BUILD_LEVEL_3"])),
        _edited(lambda d: d["predicate"]["policy"].update(digest={})),
        _edited(lambda d: d.update(predicateType="https://slsa.dev/provenance/v1")),
    ],
)
def test_what_is_no_summary_of_ours_is_refused(payload: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_vsa(payload)


@given(st.integers(0, 2**53))
def test_an_instant_reads_back(instant: int) -> None:
    assert times.from_rfc3339(times.to_rfc3339(instant)) == instant


def test_openssl_alone_verifies_a_signed_summary(tmp_path: Path) -> None:
    tool = need("openssl")
    key = PrivateKey.generate("ecdsa-p256")
    envelope = dsse.sign(dsse.IN_TOTO, PAYLOAD, [key])
    (tmp_path / "gate.pem").write_bytes(key.public.to_pem())
    (tmp_path / "signature").write_bytes(envelope.signatures[0].sig)
    (tmp_path / "message").write_bytes(dsse.pae(dsse.IN_TOTO, PAYLOAD))
    command = [tool, "dgst", "-sha256", "-verify", "gate.pem", "-signature", "signature", "message"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"Verified OK\n")
