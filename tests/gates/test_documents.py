"""Artifacts, lineage and evidence: what is there, who vouches for it, and for exactly what."""

from __future__ import annotations

import pytest

from gates.model import Contributor, NamedDigest
from manifests.policy import TrustedSigner
from manifests.release import Artifact, EvidenceReference
from tests.gates.builders import ARTIFACT, BACKTEST, BACKTEST_KEY, TRAINING_KEY, alter, sha
from tests.gates.tables import Row, hold

BARE = Artifact("policy.pt", ARTIFACT.sha256)
SECOND_REPORT = EvidenceReference("test-result", "evidence/second.dsse.json")
STAGING = Artifact("tiny.pt", sha("tiny"), path="tiny.pt", environments=("staging",))


def vouched(**changes: object) -> dict[str, object]:
    return {"artifacts.0.where": "manifest", "artifacts.0.found": "", "artifacts.0.size": None, **changes}


ARTIFACTS = (
    Row("found as named", {}, "pass", "1 artifact was found"),
    Row("absent", {"artifacts.0.status": "absent"}, "fail", "not where the manifest says"),
    Row("mismatched", {"artifacts.0.status": "mismatch"}, "fail", "what was found has"),
    Row(
        "the digest that was found is told once",
        {"artifacts.0.status": "mismatch", "artifacts.0.found": "f" * 64, "artifacts.0.detail": f"It has {'f' * 64}."},
        "fail",
        "what was found has fffffff….",
    ),
    Row("unreadable", {"artifacts.0.status": "unreadable", "artifacts.0.detail": "403"}, "error", "read (403)"),
    Row("present, yet another digest", {"artifacts.0.found": "0" * 64}, "fail", "0000000…"),
    Row("present, yet not hashed", {"artifacts.0.found": ""}, "error", "SHA-256 was not computed"),
    Row("present, but nowhere", {"artifacts.0.where": ""}, "error", "SHA-256 was not computed"),
    Row("another size", {"artifacts.0.size": 1}, "fail", "1823340 bytes; its size is 1 bytes"),
    Row("unknown size", {"artifacts.0.size": None}, "fail", "its size is unknown"),
    Row("size not declared", {"release.manifest.artifacts.0.size": None, "artifacts.0.size": 3}, "pass"),
    Row("not looked at yet", {"artifacts": ()}, "wait", "Nobody has looked yet"),
    Row("facts on another name", {"artifacts.0.name": "other.pt"}, "wait", "Nobody has looked yet"),
    Row("none named", {"release.manifest.artifacts": ()}, "fail", "names no artifact for production"),
    Row("none for this environment", {"release.manifest.artifacts": (STAGING,)}, "fail", "names no artifact"),
    Row("one of another environment", {"release.manifest.artifacts": (ARTIFACT, STAGING)}, "pass", "1 artifact"),
    Row(
        "any bad sight of one spoils it",
        {"artifacts": lambda found: (*found, alter(found[0], status="absent"))},
        "fail",
        "not where",
    ),
    Row("named by trusted lineage only", vouched(), "pass"),
    Row("vouched for by nobody", vouched(**{"lineage.signers": ()}), "fail", "no trusted lineage document"),
    Row("lineage on another artifact", vouched(**{"lineage.subjects": ()}), "fail", "no trusted lineage"),
    Row("no lineage named", vouched(**{"release.manifest.lineage": None}), "fail", "no trusted lineage"),
    Row("no lineage there", vouched(lineage=None), "fail", "no trusted lineage"),
    Row("lineage of another path", vouched(**{"lineage.path": "other.json"}), "fail", "no trusted lineage"),
)

LINEAGE = (
    Row("signed and complete", {}, "pass", "signed by a trusted key"),
    Row("not named", {"release.manifest.lineage": None}, "fail", "names no lineage document"),
    Row("missing", {"lineage": None}, "fail", "lineage.dsse.json is missing"),
    Row("another file", {"lineage.path": "x.json"}, "fail", "lineage.dsse.json is missing"),
    Row("unreadable", {"lineage.problem": "not JSON"}, "fail", "cannot be used: not JSON"),
    Row("unsigned", {"lineage.signers": ()}, "fail", "not signed by a key that the policy trusts"),
    Row("signed by a stranger", {"lineage.signers": ("SHA256:eve",)}, "fail", "signed by one of: training cluster"),
    Row("signed by the evidence's key", {"lineage.signers": (BACKTEST_KEY,)}, "fail", "not signed by a key"),
    Row("also signed by a stranger", {"lineage.signers": ("SHA256:eve", TRAINING_KEY)}, "pass"),
    Row("signed by the requester", {"lineage.signer_people": ("p-alice",)}, "fail", "had a hand in this release"),
    Row("signed by the builder", {"lineage.signer_people": ("p-oscar",)}, "fail", "had a hand in this release"),
    Row("signed by an outsider", {"lineage.signer_people": ("p-tess",)}, "pass"),
    Row(
        "signed by who is only known as its signer",
        {
            "lineage.signer_people": ("p-tess",),
            "contributors.known": lambda c: (*c, Contributor("github:60", "p-tess", "evidence")),
        },
        "pass",
    ),
    Row("nobody trusted", {"repository_policy.trust.lineage": ()}, "fail", "nobody yet", agreed=True),
    Row(
        "trusted by one policy of two only",
        {"tenant_policy.trust": {"lineage": (TrustedSigner("SHA256:other", "x"),)}},
        "fail",
        "not signed",
        agreed=True,
    ),
    Row("no subject", {"lineage.subjects": ()}, "fail", "does not name policy.pt"),
    Row("another subject", {"lineage.subjects.0.sha256": "0" * 64}, "fail", "does not name policy.pt"),
    Row("a subject of another name", {"lineage.subjects.0.name": "renamed.pt"}, "pass"),
    Row("a model without datasets", {"lineage.datasets": ()}, "fail", "names no dataset"),
    Row("a dataset without digest", {"lineage.datasets.0.sha256": ""}, "fail", "no SHA-256 for ticks-2026q3"),
    Row("a dataset with half a digest", {"lineage.datasets.0.sha256": "ab" * 16}, "fail", "no SHA-256 for ticks"),
    Row(
        "a configuration without datasets",
        {
            "lineage.datasets": (),
            "release.manifest.kind": "config",
            "repository_policy.rules.0.when.kind": (),
        },
        "pass",
        agreed=True,
    ),
)

EVIDENCE = (
    Row("passed and trusted", {}, "pass", "Trusted evidence of a passed test-result"),
    Row("not named in the manifest", {"release.manifest.evidence": ()}, "fail", "names no evidence of the type"),
    Row("missing", {"evidence": ()}, "fail", "evidence/backtest.dsse.json is missing"),
    Row("another file", {"evidence.0.path": "evidence/old.json"}, "fail", "is missing"),
    Row("another type", {"evidence.0.type": "sbom"}, "fail", "is missing"),
    Row("unreadable", {"evidence.0.problem": "not DSSE"}, "fail", "cannot be used: not DSSE"),
    Row("unsigned", {"evidence.0.signers": ()}, "fail", "not signed by a key that the policy trusts"),
    Row("signed by the lineage's key", {"evidence.0.signers": (TRAINING_KEY,)}, "fail", "not signed by a key"),
    Row("signed by the requester", {"evidence.0.signer_people": ("p-alice",)}, "fail", "had a hand in this"),
    Row("failed", {"evidence.0.result": "FAILED"}, "fail", "says FAILED, and only PASSED counts"),
    Row("warned", {"evidence.0.result": "WARNED"}, "fail", "says WARNED"),
    Row("in lower case", {"evidence.0.result": "passed"}, "fail", "says passed"),
    Row("without result", {"evidence.0.result": ""}, "fail", "gives no result"),
    Row("about nothing", {"evidence.0.subjects": ()}, "fail", "missing is policy.pt"),
    Row("about an older model", {"evidence.0.subjects.0.sha256": "0" * 64}, "fail", "missing is policy.pt"),
    Row("about more than this", {"evidence.0.subjects": lambda s: (*s, NamedDigest("x", "0" * 64))}, "pass"),
    Row(
        "one of two reports missing",
        {"release.manifest.evidence": lambda found: (*found, SECOND_REPORT)},
        "fail",
        "second.dsse.json is missing",
    ),
    Row(
        "one of two reports failed",
        {
            "release.manifest.evidence": lambda found: (*found, SECOND_REPORT),
            "evidence": (BACKTEST, alter(BACKTEST, path=SECOND_REPORT.path, result="FAILED")),
        },
        "fail",
        "second.dsse.json says FAILED",
    ),
    Row(
        "a second report on other artifacts",
        {
            "release.manifest.evidence": lambda found: (*found, SECOND_REPORT),
            "evidence": (BACKTEST, alter(BACKTEST, path=SECOND_REPORT.path, subjects=())),
        },
        "pass",
    ),
    Row(
        "a type that nothing answers",
        {"repository_policy.rules.0.evidence": ("bias", "test-result")},
        "fail",
        "no evidence of the type bias",
        agreed=True,
    ),
    Row(
        "the gate without types",
        {"repository_policy.rules.0.evidence": ()},
        "fail",
        "No rule says which evidence",
        agreed=True,
    ),
)


@pytest.mark.parametrize("row", ARTIFACTS, ids=lambda row: row.behaviour)
def test_artifacts(row: Row) -> None:
    hold(row, "artifacts")


@pytest.mark.parametrize("row", LINEAGE, ids=lambda row: row.behaviour)
def test_lineage(row: Row) -> None:
    hold(row, "lineage")


@pytest.mark.parametrize("row", EVIDENCE, ids=lambda row: row.behaviour)
def test_evidence(row: Row) -> None:
    hold(row, "evidence")
