from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from manifests import dsse, sshsig, statement
from manifests.attestation import FileDigest
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.statement import ConsentPredicate, DelegationTerms, ExceptionTerms

A, B = "a" * 64, "b" * 64
KEY = PrivateKey.generate("ed25519")
ARTIFACTS = (FileDigest("policy.pt", A), FileDigest("scaler.bin", B))
APPROVAL = ConsentPredicate(
    tenant="acme",
    repository_id=4711,
    repository="acme/models",
    pull_number=12,
    base_ref="main",
    head_commit="1" * 40,
    head_tree="2" * 40,
    manifest_path="releases/intraday/release.yaml",
    revision="3" * 64,
    effective_rule="4" * 64,
    decision="approve",
    environments=("production", "staging"),
    groups=("risk-managers",),
    person="p_7f3a",
    account="github:583231",
    key=KEY.public.fingerprint,
    memberships="5" * 64,
    displayed="6" * 64,
    way="cli",
    nonce="n" * 22,
    issued_at=1_763_632_800_000_000,
    not_after=1_763_892_000_000_000,
)
PAYLOAD = statement.build(ARTIFACTS, APPROVAL)


def _with(**changes: Any) -> ConsentPredicate:
    return msgspec.structs.replace(APPROVAL, **changes)


def test_a_consent_reads_back_with_its_exact_bytes() -> None:
    assert statement.parse(PAYLOAD) == statement.Consent(ARTIFACTS, APPROVAL, PAYLOAD)
    assert rfc8785.dumps(json.loads(PAYLOAD)) == PAYLOAD


def test_the_order_in_which_artifacts_are_given_does_not_matter() -> None:
    assert statement.build(ARTIFACTS[::-1], APPROVAL) == PAYLOAD


def test_it_is_an_in_toto_statement_about_the_artifacts_and_the_head() -> None:
    document = json.loads(PAYLOAD)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://countersign.dev/consent/v1"
    assert document["subject"] == [
        {"name": "policy.pt", "digest": {"sha256": A}},
        {"name": "scaler.bin", "digest": {"sha256": B}},
        {"name": "acme/models", "digest": {"gitCommit": "1" * 40, "gitTree": "2" * 40}},
    ]
    assert document["predicate"]["headCommit"] == "1" * 40


def test_an_ssh_signature_over_it_verifies() -> None:
    message = statement.signed_message(PAYLOAD)
    assert message == dsse.pae("application/vnd.in-toto+json", PAYLOAD)
    assert sshsig.verify(sshsig.sign(KEY, message), message).fingerprint == APPROVAL.key


DELEGATION = DelegationTerms("p_0002", "github:583232", APPROVAL.issued_at, "release")
EXCEPTION = ExceptionTerms("vulnerability-report", "CVE-2026-1234", A)
TERMS: dict[str, tuple[str, dict[str, Any]]] = {
    "delegation": ("delegate", {"delegation": DELEGATION}),
    "exception": ("except", {"exception": EXCEPTION}),
    "incident": ("break-glass", {"incident": "INC0012345", "reason_digest": B}),
    "glass": ("review", {"glass": "8" * 32, "reason_digest": B}),
}
"""The field that only one decision has, that decision, and a sound statement of it."""
OTHER_VALUES: dict[str, Any] = {
    "tenant": "other",
    "repository_id": 4712,
    "repository": "acme/policies",
    "pull_number": 13,
    "base_ref": "release",
    "head_commit": "7" * 40,
    "head_tree": "7" * 40,
    "manifest_path": "release.yaml",
    "revision": "7" * 64,
    "effective_rule": "7" * 64,
    "decision": "hold",
    "environments": ("staging",),
    "groups": ("senior-developers",),
    "person": "p_0001",
    "account": "servicenow:6816f79cc0a8016401c5a33be04be441",
    "key": "SHA256:" + "A" * 43,
    "memberships": "7" * 64,
    "displayed": "7" * 64,
    "way": "passkey",
    "nonce": "m" * 22,
    "issued_at": 1,
    "not_after": 2**53 - 1,
    "reason_digest": "7" * 64,
    "shown": (A,),
}


def test_every_field_is_bound_by_the_signature() -> None:
    assert set(OTHER_VALUES) | set(TERMS) == set(ConsentPredicate.__struct_fields__)
    signature = sshsig.sign(KEY, statement.signed_message(PAYLOAD))
    for name, value in OTHER_VALUES.items():
        other = statement.signed_message(statement.build(ARTIFACTS, _with(**{name: value})))
        with pytest.raises(ManifestError):
            sshsig.verify(signature, other)


@pytest.mark.parametrize(
    "change",
    [
        {"environments": ()},
        {"groups": ()},
        {"revision": ""},
        {"effective_rule": ""},
        {"environments": ("staging", "production")},
        {"environments": ("staging", "staging")},
        {"groups": ("b", "a")},
        {"decision": "delegate"},
        {"shown": (B, A)},
        {"shown": (A, A)},
        {"shown": ("a",)},
        {"incident": "INC0012345"},
        {"glass": "8" * 32},
        {"delegation": DELEGATION},
        {"exception": EXCEPTION},
        {"head_commit": "1" * 39},
        {"head_commit": "main"},
        {"head_tree": ""},
        {"revision": "A" * 64},
        {"revision": A + "\n"},
        {"head_commit": "1" * 40 + "\n"},
        {"key": APPROVAL.key + "\n"},
        {"account": "github:1\n"},
        {"account": "583231"},
        {"account": "github:"},
        {"key": "alice"},
        {"nonce": "short"},
        {"nonce": "n" * 22 + "\n"},
        {"way": "email"},
        {"pull_number": -1},
        {"pull_number": True},
        {"issued_at": 1.0},
        {"not_after": APPROVAL.issued_at},
        {"not_after": 2**53},
        {"tenant": ""},
        {"reason_digest": "because"},
        {"base_ref": "\ud800"},
    ],
)
def test_an_unsound_approval_is_not_built(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        statement.build(ARTIFACTS, _with(**change))


@pytest.mark.parametrize(
    "artifacts",
    [
        (),
        (FileDigest("x", "short"),),
        (FileDigest("x", A + "\n"),),
        (FileDigest("x", A), FileDigest("x", B)),
    ],
)
def test_an_approval_of_nothing_or_of_unclear_artifacts_is_not_built(artifacts: tuple[FileDigest, ...]) -> None:
    with pytest.raises(ManifestError):
        statement.build(artifacts, APPROVAL)


OTHER_TERMS: dict[str, list[Any]] = {
    "delegation": [
        DelegationTerms("p_0003", DELEGATION.account, DELEGATION.starts_at, "release"),
        DelegationTerms(DELEGATION.person, "github:1", DELEGATION.starts_at, "release"),
        DelegationTerms(DELEGATION.person, DELEGATION.account, DELEGATION.starts_at + 1, "release"),
        DelegationTerms(DELEGATION.person, DELEGATION.account, DELEGATION.starts_at, "repository"),
    ],
    "exception": [
        ExceptionTerms("licence-report", EXCEPTION.finding, A),
        ExceptionTerms(EXCEPTION.type, "CVE-2026-1235", A),
        ExceptionTerms(EXCEPTION.type, EXCEPTION.finding, B),
    ],
    "incident": ["INC0012346"],
    "glass": ["9" * 32],
}


@pytest.mark.parametrize("field", TERMS)
def test_what_only_one_decision_has_is_bound_and_must_be_there(field: str) -> None:
    decision, values = TERMS[field]
    sound = _with(decision=decision, **values)
    payload = statement.build(ARTIFACTS, sound)
    assert statement.parse(payload).predicate == sound
    signature = sshsig.sign(KEY, statement.signed_message(payload))
    for value in OTHER_TERMS[field]:
        other = statement.build(ARTIFACTS, msgspec.structs.replace(sound, **{field: value}))
        with pytest.raises(ManifestError):
            sshsig.verify(signature, statement.signed_message(other))
    empty = "" if isinstance(values[field], str) else None
    for unsound in ({"decision": "approve"}, {field: empty}, {"environments": ()}, {"groups": ()}):
        with pytest.raises(ManifestError):
            statement.build(ARTIFACTS, msgspec.structs.replace(sound, **unsound))


@pytest.mark.parametrize("field", ["incident", "glass"])
def test_breaking_the_glass_and_looking_back_on_it_give_their_reason(field: str) -> None:
    decision, values = TERMS[field]
    with pytest.raises(ManifestError, match="a reason"):
        statement.build(ARTIFACTS, _with(decision=decision, **{**values, "reason_digest": None}))


@pytest.mark.parametrize("decision", ["reject", "hold", "unhold", "revoke"])
def test_withholding_may_come_before_the_release_can_be_read(decision: Any) -> None:
    bare = _with(decision=decision, environments=(), groups=(), revision="", effective_rule="")
    payload = statement.build((), bare)
    assert statement.parse(payload).predicate == bare


def _edited(edit: Any) -> bytes:
    document = json.loads(PAYLOAD)
    edit(document)
    return rfc8785.dumps(document)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        PAYLOAD + b"\n",
        PAYLOAD.replace(b'":', b'": ', 1),
        json.dumps(json.loads(PAYLOAD), sort_keys=False, indent=1).encode(),
        PAYLOAD.replace(b"acme", b"\\u0061cme", 1),
        PAYLOAD[:-1] + b',"predicate":{}}',
        _edited(lambda d: d.update(extra=1)),
        _edited(lambda d: d["predicate"].update(extra=1)),
        _edited(lambda d: d["predicate"].update(reasonDigest=None)),
        _edited(lambda d: d["predicate"].pop("nonce")),
        _edited(lambda d: d["predicate"].update(pullNumber="12")),
        _edited(lambda d: d["subject"].pop()),
        _edited(lambda d: d["subject"].reverse()),
        _edited(lambda d: d["subject"][0].update(uri="x")),
        _edited(lambda d: d["subject"][0]["digest"].update(md5="x")),
        _edited(lambda d: d["subject"][2]["digest"].update(gitCommit="9" * 40)),
        _edited(lambda d: d.update(predicateType="https://countersign.dev/consent/v2")),
        _edited(lambda d: d.update(subject=[])),
    ],
)
def test_bytes_that_build_would_not_write_are_refused(payload: bytes) -> None:
    assert payload != PAYLOAD
    with pytest.raises(ManifestError):
        statement.parse(payload)


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_another_consent_or_none(at: int, flip: int) -> None:
    changed = bytearray(PAYLOAD)
    changed[at] ^= flip
    try:
        found = statement.parse(bytes(changed))
    except ManifestError:
        return
    assert (found.artifacts, found.predicate) != (ARTIFACTS, APPROVAL)


def test_names_outside_ascii_keep_their_characters() -> None:
    other = _with(base_ref="größe/😀", manifest_path="relëases/日本.yaml")
    assert statement.parse(statement.build(ARTIFACTS, other)).predicate == other
