"""Statements of consent, built in one way whoever signs them; and the server's own word for what GitHub showed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import msgspec

from app.clock import SECOND, NewId
from app.consents.store import NewGrant
from app.facts.members import MACHINE
from app.facts.view import PullView, ReleaseView
from app.pulls.belonging import made_of
from app.releases.store import StoredRelease
from gates.model import Consent, ConsentDecision, Delegation, FindingException, GroupFacts
from gates.terms import EffectiveRule
from manifests import canonical, dsse
from manifests.attestation import FileDigest
from manifests.keys import PrivateKey
from manifests.policy import Strength, Way
from manifests.statement import ConsentPredicate, DelegationTerms, ExceptionTerms, build

MAX_REASON = 1000
WITHHELD_FOR_S = 10 * 365 * 86_400


class Actor(msgspec.Struct, frozen=True):
    """Who consents: the person, the account it is done with, and how GitHub names and describes it."""

    person: str
    account: str
    name: str
    kind: str = "User"
    via_app: bool = False


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What is done. Instants in microseconds since 1970 UTC; ``environments`` empty where consent is withheld.
    ``not_after`` None: as long as the rule lets approvals live."""

    decision: ConsentDecision
    environments: tuple[str, ...]
    groups: tuple[str, ...]
    way: Way
    strength: Strength
    issued_at: int
    reason: str = ""
    not_after: int | None = None
    shown: tuple[str, ...] = ()
    delegation: Delegation | None = None
    exception: FindingException | None = None
    incident: str = ""
    glass: str = ""


def consent_of(
    identity: str, view: PullView, release: ReleaseView, actor: Actor, act: Act, rule: EffectiveRule | None
) -> Consent:
    """The consent of ``actor`` to the release as it is now. Without ``rule`` (withholding) it hardly ends."""
    pull = view.pull
    expires = rule.expires if rule is not None else WITHHELD_FOR_S
    not_after = act.issued_at + expires * SECOND if act.not_after is None else act.not_after
    return Consent(
        id=identity, decision=act.decision, person=actor.person, account=actor.account, name=actor.name,
        repository_id=view.facts.repository_id, pull_number=pull.number, manifest_path=release.path,
        base_ref=pull.base_ref, head_sha=pull.head_sha, revision=release.facts.revision,
        effective_rule=rule.digest if rule is not None else "", environments=act.environments, groups=act.groups,
        artifacts=tuple(sorted(set(release.digests.values()))), strength=act.strength, way=act.way,
        issued_at=act.issued_at, not_after=not_after, kind=_kind(release, actor), via_app=actor.via_app,
        reason=act.reason, shown=act.shown, delegation=act.delegation, exception=act.exception, incident=act.incident,
        glass=act.glass,
    )  # fmt: skip


def _kind(release: ReleaseView, actor: Actor) -> str:
    """A login that the tenant lists as a machine's is one in every group; GitHub calls it a user all the same."""
    groups = (group for groups in release.groups.values() for group in groups)
    listed = {member.kind for group in groups for member in group.members if member.account == actor.account}
    return MACHINE if MACHINE in listed else actor.kind


def memberships_of(release: ReleaseView, environments: Sequence[str], groups: Sequence[str]) -> tuple[GroupFacts, ...]:
    """The groups that the person acts for and those that they are made of, with their members now; none where consent
    is withheld."""
    found = release.groups.get(environments[0], ()) if environments else ()
    rule = release.rules.get(environments[0]) if environments else None
    wanted = made_of(rule, groups) if isinstance(rule, EffectiveRule) else groups
    return tuple(group for group in found if group.name in wanted)


def predicate_of(
    tenant: str, consent: Consent, view: PullView, *, key: str, memberships: bytes, displayed: str, nonce: str
) -> ConsentPredicate:
    """What the statement binds. ``key`` is the signer's fingerprint, ``displayed`` the SHA-256 of what was shown."""
    return ConsentPredicate(
        tenant=tenant, repository_id=consent.repository_id, repository=view.facts.repository,
        pull_number=consent.pull_number, base_ref=consent.base_ref, head_commit=consent.head_sha, head_tree=view.tree,
        manifest_path=consent.manifest_path, revision=consent.revision, effective_rule=consent.effective_rule,
        decision=consent.decision, environments=tuple(sorted(consent.environments)), groups=consent.groups,
        person=consent.person, account=consent.account, key=key, memberships=canonical.sha256_hex(memberships),
        displayed=displayed, way=consent.way, nonce=nonce, issued_at=consent.issued_at, not_after=consent.not_after,
        reason_digest=canonical.sha256_hex(consent.reason.encode()) if consent.reason else None, **terms_of(consent),
    )  # fmt: skip


class Terms(TypedDict):
    """The fields of a statement that not every decision has."""

    shown: tuple[str, ...]
    delegation: DelegationTerms | None
    exception: ExceptionTerms | None
    incident: str
    glass: str


def terms_of(consent: Consent) -> Terms:
    """As the statement of this consent binds them."""
    acting, finding = consent.delegation, consent.exception
    return Terms(
        shown=consent.shown,
        delegation=DelegationTerms(acting.person, acting.account, acting.starts_at, acting.scope) if acting else None,
        exception=(
            ExceptionTerms(finding.type, finding.finding, canonical.sha256_hex(finding.control.encode()))
            if finding
            else None
        ),
        incident=consent.incident,
        glass=consent.glass,
    )


def artifacts_of(release: ReleaseView) -> tuple[FileDigest, ...]:
    """The files that the statement names, sorted."""
    manifest = release.facts.manifest
    found = {FileDigest(artifact.name, artifact.sha256) for artifact in (manifest.artifacts if manifest else ())}
    return tuple(sorted(found))


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
        predicate = predicate_of(
            self._tenant, consent, view, key=self._key.public.fingerprint, memberships=snapshot, displayed=displayed,
            nonce=nonce,
        )  # fmt: skip
        payload = build(artifacts_of(release_view), predicate)
        envelope = dsse.encode(dsse.sign(dsse.IN_TOTO, payload, [self._key]))
        return NewGrant(release.id, consent, about, nonce, envelope, snapshot)
