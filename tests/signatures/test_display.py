"""What is shown before signing: every bound value, one a line, nothing that a name could fake."""

from __future__ import annotations

import string

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.signatures import display
from manifests.attestation import FileDigest
from manifests.statement import Consent, ConsentPredicate, DelegationTerms, ExceptionTerms

PREDICATE = ConsentPredicate(
    tenant="acme", repository_id=1010, repository="acme/models", pull_number=7, base_ref="main", head_commit="a1" * 20,
    head_tree="b2" * 20, manifest_path="releases/intraday/release.yaml", revision="c3" * 32, effective_rule="d4" * 32,
    decision="approve", environments=("production",), groups=("risk-managers",), person="e5" * 16,
    account="github:1005", key="SHA256:" + "A" * 43, memberships="f6" * 32, displayed="0" * 64, way="cli",
    nonce="0123456789abcdef", issued_at=1_800_000_000_000_000, not_after=1_800_000_001_000_000,
    reason_digest="07" * 32, shown=("08" * 32,), delegation=DelegationTerms("a" * 32, "github:7", 1, "release"),
    exception=ExceptionTerms("vulnerability-report", "CVE-2026-1", "09" * 32), incident="INC0012345", glass="b" * 32,
)  # fmt: skip
FILES = (FileDigest("policy.pt", "18" * 32),)
HIDDEN = {"displayed"}
ANOTHER: dict[str, tuple[object, ...]] = {
    "environments": (("staging",),),
    "groups": (("others",),),
    "decision": ("hold", "delegate", "except", "break-glass", "review"),
    "way": ("passkey",),
    "shown": ((), ("09" * 32,), ("08" * 32, "09" * 32)),
    "delegation": (
        DelegationTerms("c" * 32, "github:7", 1, "release"),
        DelegationTerms("a" * 32, "github:8", 1, "release"),
        DelegationTerms("a" * 32, "github:7", 1_000_001, "release"),
        DelegationTerms("a" * 32, "github:7", 1, "repository"),
    ),
    "exception": (
        ExceptionTerms("licences", "CVE-2026-1", "09" * 32),
        ExceptionTerms("vulnerability-report", "CVE-2026-2", "09" * 32),
        ExceptionTerms("vulnerability-report", "CVE-2026-1", "0a" * 32),
    ),
}


def bound(predicate: ConsentPredicate, files: tuple[FileDigest, ...] = FILES) -> str:
    return display.binding(Consent(files, predicate, b""))


def test_every_bound_value_is_shown() -> None:
    shown = bound(PREDICATE)
    for field in msgspec.structs.fields(ConsentPredicate):
        value = getattr(PREDICATE, field.name)
        others = ANOTHER.get(field.name) or (value + 1_000_000 if isinstance(value, int) else value[:-1] + "7x",)
        for other in others:
            changed = bound(msgspec.structs.replace(PREDICATE, **{field.name: other}))
            assert (changed != shown) == (field.name not in HIDDEN), (field.name, other)
    assert bound(PREDICATE, (FileDigest("other.pt", "18" * 32),)) != shown
    assert bound(PREDICATE, (FileDigest("policy.pt", "29" * 32),)) != shown


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_name_adds_or_hides_a_line(path: str, artifact: str) -> None:
    predicate = msgspec.structs.replace(PREDICATE, manifest_path=path, repository=path, base_ref=path)
    shown = bound(predicate, (FileDigest(artifact, "18" * 32),))
    assert shown.count("\n") == bound(PREDICATE).count("\n")
    assert len(shown.splitlines()) == len(bound(PREDICATE).splitlines())
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert "18" * 32 in shown


@given(st.text(alphabet=string.printable))
def test_the_whole_text_begins_with_what_is_bound(context: str) -> None:
    consent = Consent(FILES, PREDICATE, b"")
    whole = display.display(consent, context)
    assert whole.startswith(display.binding(consent))
    assert context.strip() in whole
