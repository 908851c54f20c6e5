"""The server's own word: it saw this person consent on GitHub, and signs the statement it saw."""

from __future__ import annotations

from collections.abc import Sequence

from app.clock import NewId
from app.consents.store import NewGrant
from app.facts.view import PullView, ReleaseView
from app.releases.store import StoredRelease
from gates.model import Consent, GroupFacts
from manifests import canonical, dsse
from manifests.attestation import FileDigest
from manifests.keys import PrivateKey
from manifests.statement import ConsentPredicate, build


class Signer:
    """Makes statements of strength ``attested``, signed with the server's P-256 key."""

    def __init__(self, tenant: str, key: PrivateKey, new_id: NewId) -> None:
        self._tenant = tenant
        self._key = key
        self.new_id = new_id

    def attest(
        self, consent: Consent, release: StoredRelease, view: PullView, release_view: ReleaseView, about: str,
        displayed: str, memberships: Sequence[GroupFacts],
    ) -> NewGrant:  # fmt: skip
        """The signed statement of a consent that was given on GitHub. ``displayed`` is the digest of our comment
        as it stood; ``memberships`` the groups as they were when the person consented."""
        snapshot = canonical.encode(memberships)
        nonce = self.new_id()
        predicate = ConsentPredicate(
            tenant=self._tenant, repository_id=consent.repository_id, repository=view.facts.repository,
            pull_number=consent.pull_number, base_ref=consent.base_ref, head_commit=consent.head_sha,
            head_tree=view.tree, manifest_path=consent.manifest_path, revision=consent.revision,
            effective_rule=consent.effective_rule, decision=consent.decision,
            environments=tuple(sorted(consent.environments)), groups=consent.groups, person=consent.person,
            account=consent.account, key=self._key.public.fingerprint, memberships=canonical.sha256_hex(snapshot),
            displayed=displayed, way=consent.way, nonce=nonce, issued_at=consent.issued_at,
            not_after=consent.not_after,
            reason_digest=canonical.sha256_hex(consent.reason.encode()) if consent.reason else None,
        )  # fmt: skip
        manifest = release_view.facts.manifest
        files = {FileDigest(artifact.name, artifact.sha256) for artifact in (manifest.artifacts if manifest else ())}
        payload = build(tuple(sorted(files)), predicate)
        envelope = dsse.encode(dsse.sign(dsse.IN_TOTO, payload, [self._key]))
        return NewGrant(release.id, consent, about, nonce, envelope, snapshot)
