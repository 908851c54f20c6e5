"""The signed, short-lived answer of an allow: a SLSA verification summary in a DSSE envelope."""

from __future__ import annotations

from collections.abc import Callable

from app.clock import SECOND
from app.decisions.store import StoredDecision
from app.facts.view import PullView, ReleaseView
from gates.model import Snapshot, Verdict
from manifests import canonical, dsse
from manifests.attestation import FileDigest
from manifests.keys import PrivateKey
from manifests.policy import POLICY_PATH
from manifests.vsa import Reference, Vsa, build_vsa


class Attester:
    """Signs with the server's P-256 key as it is then, in the name of the verifier id of the settings."""

    def __init__(self, key: Callable[[], PrivateKey], verifier_id: str) -> None:
        self._key = key
        self._verifier_id = verifier_id

    def attest(
        self, decision: StoredDecision, view: PullView, release: ReleaseView, snapshot: Snapshot, verdict: Verdict
    ) -> bytes:
        """The DSSE envelope. Instants are whole seconds, rounded down, as verifiers read them."""
        assert snapshot.deployment is not None
        repository = f"https://github.com/{view.facts.repository}"
        documents = [document for document in (release.lineage, *release.evidence) if document and document.digest]
        vsa = Vsa(
            verifier_id=self._verifier_id,
            resource_uri=f"git+{repository}@{decision.commit_sha}#{release.path}",
            policy=Reference(
                f"git+{repository}@{view.policies.commit}#{POLICY_PATH}",
                canonical.sha256_hex(view.policy_text or b""),
            ),
            subjects=tuple(FileDigest(subject.name, subject.sha256) for subject in snapshot.deployment.subjects),
            time_verified=decision.at // SECOND * SECOND,
            expires_at=decision.expires_at // SECOND * SECOND,
            environment=decision.environment,
            decision_id=decision.id,
            change=snapshot.change.number if snapshot.change else "",
            levels=(f"COUNTERSIGN_FOUR_EYES_{len(set(verdict.persons))}_PERSONS",),
            input_attestations=tuple(
                Reference(f"git+{repository}@{view.pull.head_sha}#{document.path}", document.digest)
                for document in documents
            ),
        )
        return dsse.encode(dsse.sign(dsse.IN_TOTO, build_vsa(vsa), [self._key()]))
