"""What people said in a case, and who had a hand in the release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from app.policy.groups import groups_with
from app.policy.model import (
    SECOND,
    ConsentSaid,
    DelegationSaid,
    ExceptionSaid,
    Facts,
    GlassSaid,
    Part,
    Word,
)
from app.policy.people import People
from gates.model import (
    Consent,
    ConsentDecision,
    Contributor,
    Contributors,
    Delegation,
    FindingException,
    Policies,
    Push,
    Snapshot,
)
from gates.terms import EffectiveRule
from manifests.policy import DEFAULT_EXPIRY_S, Strength, Way

AUTHOR = "author"
_STRENGTH: dict[Way, Strength] = {"cli": "personal", "passkey": "passkey"}
_ANOTHER: dict[Part, str] = {"head": "c3" * 20, "base_ref": "another-branch"}
_Said = ConsentSaid | DelegationSaid | ExceptionSaid | GlassSaid


def author_of(facts: Facts) -> str:
    return facts.release.author.text if facts.release.author else AUTHOR


def contributors_of(facts: Facts, people: People, seen: int) -> Contributors:
    """The author asked for the release, wrote and pushed it; others as the case says."""
    author = author_of(facts)
    known = [
        Contributor(people.account(author), people.person(author), role) for role in ("requester", "author", "pusher")
    ]
    unknown = []
    for said in facts.contributors or ():
        if said.who is None:
            unknown.append(said.unknown)
        else:
            known.append(Contributor(people.account(said.who.text), people.person(said.who.text), said.role))
    return Contributors(tuple(known), tuple(unknown), seen)


def consents_of(
    facts: Facts, people: People, policies: Policies, bare: Snapshot, rule: EffectiveRule | None
) -> tuple[Consent, ...]:
    """Everything that was said, bound to the release as it is, save what has changed since; approvals, rejections and
    holds first."""
    maker = _Maker(facts, people, policies, bare, rule)
    kinds: tuple[tuple[ConsentDecision, Sequence[_Said]], ...] = (
        ("approve", facts.approvals or ()),
        ("reject", facts.rejections or ()),
        ("hold", facts.holds or ()),
        ("delegate", facts.delegations or ()),
        ("except", facts.exceptions or ()),
        ("break-glass", facts.glass or ()),
    )
    return tuple(
        maker.consent(said, decision, f"{decision}-{number}")
        for decision, list_of in kinds
        for number, said in enumerate(list_of, 1)
    )


def pushes_of(facts: Facts, consents: Sequence[Consent], head: str) -> tuple[Push, ...]:
    """What was pushed since each approval after which the case says that something was."""
    return tuple(_pushes(facts.approvals or (), consents, head))


def _pushes(approvals: Sequence[ConsentSaid], consents: Sequence[Consent], head: str) -> Iterator[Push]:
    for said, consent in zip(approvals, consents, strict=False):
        if said.pushed is not None:
            yield Push(consent.head_sha, head, said.pushed)


class _Maker:
    """Makes statements about the release as it is."""

    def __init__(
        self, facts: Facts, people: People, policies: Policies, bare: Snapshot, rule: EffectiveRule | None
    ) -> None:
        self._facts, self._people, self._policies, self._bare, self._rule = facts, people, policies, bare, rule
        documents = (*((bare.lineage,) if bare.lineage else ()), *bare.evidence)
        self._documents = [one for one in documents if one.digest]
        self._lasts = (rule.expires if rule else DEFAULT_EXPIRY_S) * SECOND

    def consent(self, said: _Said, decision: ConsentDecision, id: str) -> Consent:
        plain = self._plain(said.by.text, decision, id, said.at.at(self._bare.at), said.environments)
        common = msgspec.structs.replace(plain, void=said.void)
        if isinstance(said, ConsentSaid):
            return self._outdated(self._simple(said, common), said.changed_since)
        common = msgspec.structs.replace(common, strength=said.strength, way="cli")
        if isinstance(said, DelegationSaid):
            return self._delegation(said, common)
        if isinstance(said, ExceptionSaid):
            return msgspec.structs.replace(
                common,
                groups=self._in(said.by),
                not_after=said.until.at(self._bare.at),
                exception=FindingException(said.type, said.finding, said.control),
            )
        broken = msgspec.structs.replace(
            common, groups=self._named(said.groups, said.by), incident=said.incident, reason=said.reason
        )
        return self._outdated(broken, said.changed_since)

    def _plain(
        self, login: str, decision: ConsentDecision, id: str, issued_at: int, environments: tuple[str, ...] | None
    ) -> Consent:
        bare, manifest = self._bare, self._bare.release.manifest
        assert manifest is not None
        everywhere = () if decision in ("reject", "hold") else manifest.environments
        return Consent(
            id=id,
            decision=decision,
            person=self._people.person(login),
            account=self._people.account(login),
            name=login,
            repository_id=bare.pull.repository_id,
            pull_number=bare.pull.number,
            manifest_path=bare.release.manifest_path,
            base_ref=bare.pull.base_ref,
            head_sha=bare.pull.head_sha,
            revision=bare.release.revision,
            effective_rule=self._rule.digest if self._rule else "",
            environments=everywhere if environments is None else environments,
            groups=(),
            artifacts=tuple(artifact.sha256 for artifact in manifest.artifacts),
            strength="attested",
            way="command",
            issued_at=issued_at,
            not_after=issued_at + self._lasts,
            kind=self._people.kind(login),
        )

    def _simple(self, said: ConsentSaid, plain: Consent) -> Consent:
        head = plain.head_sha if said.pushed is None else hashlib.sha256(plain.id.encode()).hexdigest()[:40]
        types = None if said.shown is None else {word.text for word in said.shown}
        shown = tuple(one.digest for one in self._documents if types is None or one.type in types)
        return msgspec.structs.replace(
            plain,
            groups=self._named(said.groups, said.by, said.by),
            strength=said.strength or _STRENGTH.get(said.way, "attested"),
            way=said.way,
            via_app=said.via_app,
            reason=said.reason,
            head_sha=head,
            shown=shown if plain.decision == "approve" else (),
        )

    def _delegation(self, said: DelegationSaid, plain: Consent) -> Consent:
        to = said.to.text
        start = plain.issued_at if said.start is None else said.start.at(self._bare.at)
        return msgspec.structs.replace(
            plain,
            groups=self._named(said.groups, said.by),
            not_after=said.until.at(self._bare.at),
            delegation=Delegation(self._people.person(to), self._people.account(to), start, said.scope),
        )

    def _named(self, said: tuple[Word, ...] | None, by: Word, acting: Word | None = None) -> tuple[str, ...]:
        """The groups named; else all that the person is in, or ``acting`` was let act for."""
        if said is not None:
            return tuple(group.text for group in said)
        account = self._people.account(acting.text) if acting else ""
        lent = [
            group
            for one in self._facts.delegations or ()
            if account and self._people.account(one.to.text) == account
            for group in self._named(one.groups, one.by)
        ]
        return tuple(sorted({*self._in(by), *lent}))

    def _in(self, by: Word) -> tuple[str, ...]:
        return groups_with(self._policies, self._bare.groups, self._people.account(by.text))

    def _outdated(self, consent: Consent, parts: tuple[Part, ...]) -> Consent:
        digest = hashlib.sha256(b"another").hexdigest()
        fields = {"head": "head_sha", "rule": "effective_rule"}
        changed = {fields.get(part, part): _ANOTHER.get(part, digest) for part in parts}
        return msgspec.structs.replace(consent, **changed)
