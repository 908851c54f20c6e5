from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as PeerEnvelope
from securesystemslib.signer._key import SSlibKey

from manifests import dsse
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from tests.manifests.signing.vectors import load

VECTORS = load("dsse.json")
PROTOCOL = VECTORS["protocol"][0]
ED, EC = PrivateKey.generate("ed25519"), PrivateKey.generate("ecdsa-p256")


def _protocol_key() -> PublicKey:
    x, y = int(PROTOCOL["x"]), int(PROTOCOL["y"])
    return PublicKey.from_p256(b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big"))


def test_the_protocol_vector_has_these_signed_bytes_and_verifies_without_keyid() -> None:
    envelope = dsse.parse(json.dumps(PROTOCOL["envelope"]).encode())
    assert dsse.pae(envelope.payload_type, envelope.payload) == PROTOCOL["pae"].encode()
    assert envelope.signatures[0].keyid == ""
    assert dsse.verified_signers(envelope, [_protocol_key()]) == {_protocol_key().fingerprint}


def test_a_production_summary_of_another_verifier_verifies() -> None:
    key = PublicKey.from_pem(VECTORS["google_key"][0].encode())
    envelope = dsse.parse(json.dumps(VECTORS["google_vsa"][0]).encode())
    assert dsse.verified_signers(envelope, [key, ED.public]) == {key.fingerprint}


def test_lengths_count_bytes_not_characters() -> None:
    assert dsse.pae("é", "ü".encode()) == "DSSEv1 2 é 2 ü".encode()


@given(st.text(max_size=20), st.binary(max_size=50), st.text(max_size=20), st.binary(max_size=50))
def test_different_contents_never_share_signed_bytes(a: str, b: bytes, c: str, d: bytes) -> None:
    assert ((a, b) == (c, d)) == (dsse.pae(a, b) == dsse.pae(c, d))


def test_each_signer_counts_once_and_only_for_this_payload() -> None:
    envelope = dsse.parse(dsse.encode(dsse.sign(dsse.IN_TOTO, b"{}", [ED, EC, ED])))
    both = [ED.public, EC.public]
    assert dsse.verified_signers(envelope, both) == {ED.public.fingerprint, EC.public.fingerprint}
    moved = dsse.Envelope(envelope.payload_type, b"{ }", envelope.signatures)
    retyped = dsse.Envelope("text/plain", envelope.payload, envelope.signatures)
    assert dsse.verified_signers(moved, both) == dsse.verified_signers(retyped, both) == frozenset()


def test_a_keyid_decides_nothing() -> None:
    envelope = dsse.sign(dsse.IN_TOTO, b"{}", [ED])
    lying = dsse.Signature(EC.public.fingerprint, envelope.signatures[0].sig)
    claimed = dsse.Envelope(dsse.IN_TOTO, b"{}", (lying,))
    assert dsse.verified_signers(claimed, [EC.public]) == frozenset()
    assert dsse.verified_signers(claimed, [ED.public, EC.public]) == {ED.public.fingerprint}


def test_a_carried_key_names_the_signer_without_being_given() -> None:
    envelope = dsse.sign(dsse.IN_TOTO, b"{}", [ED], carry_public_key=True)
    assert dsse.verified_signers(dsse.parse(dsse.encode(envelope)), []) == {ED.public.fingerprint}


@pytest.mark.parametrize(
    "line",
    ["", "ssh-ed25519 AAAA", EC.public.to_openssh(), load("openssh-sshsig.json")["rsa.pub"][0]],
    ids=lambda _: "case",
)
def test_a_carried_key_that_is_wrong_or_unreadable_verifies_nothing(line: str) -> None:
    signed = dsse.sign(dsse.IN_TOTO, b"{}", [ED]).signatures[0]
    envelope = dsse.Envelope(dsse.IN_TOTO, b"{}", (dsse.Signature(signed.keyid, signed.sig, line),))
    assert dsse.verified_signers(envelope, []) == frozenset()
    assert dsse.verified_signers(envelope, [ED.public]) == {ED.public.fingerprint}


@given(st.text(), st.binary(), st.lists(st.builds(dsse.Signature, st.text(), st.binary()), min_size=1, max_size=3))
def test_an_envelope_reads_back(kind: str, payload: bytes, signatures: list[dsse.Signature]) -> None:
    envelope = dsse.Envelope(kind, payload, tuple(signatures))
    assert dsse.parse(dsse.encode(envelope)) == envelope


SIGNED = {"sig": "AAAA"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"payload": "e30=", "payloadType": "t"},
        {"payload": "e30=", "payloadType": "t", "signatures": []},
        {"payload": "e30=", "payloadType": "t", "signatures": [SIGNED] * 33},
        {"payload": "e30", "payloadType": "t", "signatures": [SIGNED]},
        {"payload": "e30=", "payloadType": 1, "signatures": [SIGNED]},
        {"payload": "e30=", "payloadType": "t", "signatures": [{}]},
        {"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "A A="}]},
        {"payload": "e30=", "payloadType": "t", "signatures": {}},
        [],
    ],
)
def test_a_broken_envelope_is_refused(document: object) -> None:
    with pytest.raises(ManifestError):
        dsse.parse(json.dumps(document).encode())


def test_unknown_fields_are_ignored_but_duplicates_are_not() -> None:
    text = '{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAAA","x":1}],"extra":{}}'
    assert dsse.parse(text.encode()).payload == b"{}"
    with pytest.raises(ManifestError):
        dsse.parse(text.replace('"extra":{}', '"payload":"e30="').encode())


@pytest.mark.parametrize("key", [ED, EC], ids=lambda key: key.kind)
def test_securesystemslib_verifies_our_envelopes(key: PrivateKey) -> None:
    peer = PeerEnvelope.from_dict(json.loads(dsse.encode(dsse.sign(dsse.IN_TOTO, b'{"a":1}', [key]))))
    public = SSlibKey.from_crypto(load_pem_public_key(key.public.to_pem()), keyid=key.public.fingerprint)
    assert peer.verify([public], 1).keys() == {key.public.fingerprint}
