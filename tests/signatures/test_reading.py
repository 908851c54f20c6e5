"""Before it signs, the command line holds what the service serves to what the person asked for."""

from __future__ import annotations

import msgspec
import pytest

from app.cli import signing
from app.cli.exits import CannotFindOutError
from app.cli.signing import Asked
from app.signatures import display
from manifests import statement, strict_base64
from manifests.attestation import FileDigest
from manifests.canonical import sha256_hex
from manifests.sshsig import NAMESPACE
from manifests.statement import Consent, ConsentPredicate, DelegationTerms, ExceptionTerms
from manifests.times import to_rfc3339

KEY = "SHA256:" + "A" * 43
AT, END = 1_800_000_000_000_000, 1_800_003_600_000_000
FILES = (FileDigest("policy.pt", "18" * 32),)
DOCUMENT, CONTROL, REASON = "08" * 32, "Not reachable.", "The desk cannot hedge."
PLAIN = ConsentPredicate(
    tenant="acme", repository_id=1010, repository="acme/models", pull_number=7, base_ref="main", head_commit="a1" * 20,
    head_tree="b2" * 20, manifest_path="releases/intraday/release.yaml", revision="c3" * 32, effective_rule="d4" * 32,
    decision="approve", environments=("production",), groups=("risk-managers",), person="e5" * 16,
    account="github:1005", key=KEY, memberships="f6" * 32, displayed="0" * 64, way="cli", nonce="0123456789abcdef",
    issued_at=AT, not_after=END, shown=(DOCUMENT,),
)  # fmt: skip
DELEGATION = DelegationTerms("e6" * 16, "github:1006", AT, "release")
EXCEPTION = ExceptionTerms("vulnerability-report", "CVE-1", sha256_hex(CONTROL.encode()))
WHY = sha256_hex(REASON.encode())
DELEGATE = msgspec.structs.replace(PLAIN, decision="delegate", delegation=DELEGATION)
EXCEPT = msgspec.structs.replace(PLAIN, decision="except", exception=EXCEPTION)
BREAK = msgspec.structs.replace(PLAIN, decision="break-glass", incident="INC0012345", reason_digest=WHY)
REVIEW = msgspec.structs.replace(PLAIN, decision="review", glass="8" * 32, reason_digest=WHY)
ASKED = {
    "approve": Asked("approve", "production", KEY),
    "delegate": Asked("delegate", "production", KEY, to="dana", until=to_rfc3339(END)),
    "except": Asked("except", "", KEY, type="vulnerability-report", finding="CVE-1", control=CONTROL),
    "break-glass": Asked("break-glass", "production", KEY, REASON, incident="INC0012345"),
    "review": Asked("review", "", KEY, REASON, glass="8" * 32),
}


def answer(predicate: ConsentPredicate, around: str = f"Evidence:\n  lineage\n    sha256:{DOCUMENT}") -> bytes:
    text = display.display(Consent(FILES, predicate, b""), around)
    payload = statement.build(FILES, msgspec.structs.replace(predicate, displayed=display.digest(text)))
    return msgspec.json.encode(
        {"payload": strict_base64.encode(payload), "display": text, "namespace": NAMESPACE}
    )  # fmt: skip


@pytest.mark.parametrize("predicate", [PLAIN, DELEGATE, EXCEPT, BREAK, REVIEW], ids=lambda of: of.decision)
def test_what_was_asked_for_is_taken(predicate: ConsentPredicate) -> None:
    consent, _ = signing.read(answer(predicate), ASKED[predicate.decision])
    assert consent.predicate.decision == predicate.decision


@pytest.mark.parametrize(
    ("predicate", "lie"),
    [
        (PLAIN, {"decision": "delegate", "delegation": DELEGATION}),
        (DELEGATE, {"environments": ("staging",)}),
        (DELEGATE, {"delegation": msgspec.structs.replace(DELEGATION, scope="repository")}),
        (DELEGATE, {"not_after": END + 1}),
        (EXCEPT, {"exception": msgspec.structs.replace(EXCEPTION, finding="CVE-2")}),
        (EXCEPT, {"exception": msgspec.structs.replace(EXCEPTION, type="licences")}),
        (EXCEPT, {"exception": msgspec.structs.replace(EXCEPTION, control_digest="0" * 64)}),
        (EXCEPT, {"environments": ("production", "staging")}),
        (BREAK, {"incident": "INC0099999"}),
        (BREAK, {"reason_digest": "0" * 64}),
        (REVIEW, {"glass": "9" * 32}),
        (REVIEW, {"decision": "break-glass", "glass": "", "incident": "INC0012345"}),
    ],
)
def test_anything_else_is_not_signed(predicate: ConsentPredicate, lie: dict[str, object]) -> None:
    with pytest.raises(CannotFindOutError, match="not what was asked for"):
        signing.read(answer(msgspec.structs.replace(predicate, **lie)), ASKED[predicate.decision])


def test_a_document_that_is_said_to_be_shown_is_in_the_text() -> None:
    with pytest.raises(CannotFindOutError, match=f"shows the document {DOCUMENT}"):
        signing.read(answer(PLAIN, "Evidence: all is well."), ASKED["approve"])
