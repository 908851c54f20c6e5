"""What people would say, as the consents that it would make. Pure: nothing of it is ever kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.policy.assumptions import Assumptions, Decision, Delegating, Saying, Who
from gates.groups import Roster, rosters
from gates.model import Consent, ConsentDecision, Delegation, Snapshot
from gates.terms import EffectiveRule, NoRule, SeatTerms
from gates.words import SECOND, instant, listing
from manifests.policy import DEFAULT_EXPIRY_S, STRENGTHS, Strength, Way

_REACH: Mapping[Way, Strength] = {
    "review": "attested", "command": "attested", "servicenow": "attested", "cli": "passkey", "passkey": "passkey",
}  # fmt: skip
_FIRST: Mapping[Strength, Sequence[Way]] = {
    "attested": ("command", "review", "servicenow", "cli", "passkey"),
    "personal": ("cli", "passkey"),
    "passkey": ("passkey", "cli"),
}
_WORDS: Mapping[Decision, str] = {"approve": "approves", "reject": "rejects it", "hold": "puts it on hold"}
_ASSUMED = "taken back, as is assumed"


def consents(snapshot: Snapshot, rule: EffectiveRule | NoRule, assumed: Assumptions) -> tuple[Snapshot, list[str]]:
    """The snapshot with what people would have said, under the rule that applies, at the instant that is assumed; and
    sentences that tell it."""
    maker = _Maker(snapshot, rule, snapshot.at if assumed.at is None else assumed.at)
    told: list[str] = []
    for who in assumed.revoke:
        maker.void(who, ("approve", "delegate", "except", "break-glass"), _ASSUMED)
        told.append(f"{who.name} takes back what they granted.")
    for who in assumed.lift:
        maker.void(who, ("reject", "hold"), "lifted, as is assumed")
        told.append(f"The rejections and holds of {who.name} are lifted.")
    told += [maker.delegate(one) for one in assumed.delegate]
    for decision, list_of in (("reject", assumed.reject), ("hold", assumed.hold), ("approve", assumed.approve)):
        told += [maker.say(decision, one) for one in list_of]  # type: ignore[arg-type]
    return msgspec.structs.replace(snapshot, consents=tuple(maker.consents)), told


class _Maker:
    def __init__(self, snapshot: Snapshot, rule: EffectiveRule | NoRule, at: int) -> None:
        self._snapshot = snapshot
        self._at = at
        self._rule = rule if isinstance(rule, EffectiveRule) else None
        self._rosters = _rosters(snapshot, rule)
        self.consents = list(snapshot.consents)

    def void(self, who: Who, decisions: Iterable[ConsentDecision], why: str) -> None:
        wanted = frozenset(decisions)
        self.consents = [
            msgspec.structs.replace(one, void=why)
            if one.decision in wanted and one.person == who.person and not one.void
            else one
            for one in self.consents
        ]

    def say(self, decision: Decision, said: Saying) -> str:
        """Who approves anew lifts what they held, and who withholds takes their approval back, as in the service."""
        who, groups = said.who, self._groups(said.who) if said.groups is None else said.groups
        self.void(who, ("approve",) if decision != "approve" else ("reject", "hold"), "they said otherwise since")
        seats = [seat for seat in (self._rule.seats if self._rule else ()) if seat.group in groups]
        strength = said.strength or _strongest(seats)
        way = said.way or _way(seats, strength)
        base = self._plain(decision, who, groups)
        self.consents.append(msgspec.structs.replace(base, strength=strength, way=way))
        acting = f" for {listing(groups, most=20)}" if groups else ", who acts for no group that is asked,"
        how = f" by {way} ({strength}), having been shown every document" if decision == "approve" else ""
        return f"{who.name}{acting} {_WORDS[decision]}{how}."

    def delegate(self, given: Delegating) -> str:
        groups = self._groups(given.by) if given.groups is None else given.groups
        longest = self._rule.delegation.longest if self._rule and self._rule.delegation else DEFAULT_EXPIRY_S
        until = self._at + (longest if given.seconds is None else given.seconds) * SECOND
        strength: Strength = "passkey" if _strongest(self._seats(groups)) == "passkey" else "personal"
        terms = Delegation(given.to.person, given.to.account, self._at)
        base = self._plain("delegate", given.by, groups)
        self.consents.append(
            msgspec.structs.replace(base, not_after=until, delegation=terms, strength=strength, way="cli")
        )
        acting = listing(groups, most=20) or "no group that is asked"
        return f"{given.by.name} lets {given.to.name} act for them for {acting} until {instant(until)}."

    def _plain(self, decision: ConsentDecision, who: Who, groups: tuple[str, ...]) -> Consent:
        snapshot, manifest = self._snapshot, self._snapshot.release.manifest
        pull, release = snapshot.pull, snapshot.release
        documents = (*((snapshot.lineage,) if snapshot.lineage else ()), *snapshot.evidence)
        withheld = decision in ("reject", "hold")
        return Consent(
            id=f"assumed-{len(self.consents) + 1}", decision=decision, person=who.person, account=who.account,
            name=who.name, repository_id=pull.repository_id, pull_number=pull.number,
            manifest_path=release.manifest_path, base_ref=pull.base_ref, head_sha=pull.head_sha,
            revision=release.revision, effective_rule=self._rule.digest if self._rule else "",
            environments=() if withheld else (snapshot.environment,), groups=groups,
            artifacts=tuple(artifact.sha256 for artifact in manifest.artifacts) if manifest else (),
            strength="attested", way="command", issued_at=self._at,
            not_after=self._at + (self._rule.expires if self._rule else DEFAULT_EXPIRY_S) * SECOND, kind=who.kind,
            shown=tuple(sorted({one.digest for one in documents if one.digest and not one.problem})),
        )  # fmt: skip

    def _seats(self, groups: Iterable[str]) -> list[SeatTerms]:
        named = frozenset(groups)
        return [seat for seat in (self._rule.seats if self._rule else ()) if seat.group in named]

    def _groups(self, who: Who) -> tuple[str, ...]:
        """Those that the person is in, and those that somebody lets them act for."""
        own = {name for name, roster in self._rosters.items() if _is_in(roster, who)}
        lent = {
            group
            for one in self.consents
            if one.delegation is not None and not one.void
            if (one.delegation.account, one.delegation.person) == (who.account, who.person)
            for group in one.groups
        }
        return tuple(sorted(own | lent))


def _rosters(snapshot: Snapshot, rule: EffectiveRule | NoRule) -> dict[str, Roster]:
    if not isinstance(rule, EffectiveRule):
        return {}
    return rosters({one.name: one.definition for one in rule.groups}, snapshot.groups, lambda member: "")


def _is_in(roster: Roster, who: Who) -> bool:
    return any(member.person == who.person for member in roster.members.get(who.account, ()))


def _strongest(seats: Sequence[SeatTerms]) -> Strength:
    asked = [seat.signature for seat in seats]
    return max(asked, key=STRENGTHS.index, default="attested")


def _way(seats: Sequence[SeatTerms], strength: Strength) -> Way:
    """The first way that reaches the strength and that the seats accept; failing that one that reaches it."""
    ways = _FIRST[strength]
    return next((way for way in ways if seats and all(way in seat.accept for seat in seats)), ways[0])


def reaches(way: Way, strength: Strength) -> bool:
    """Whether anything said this way can be as strong as that."""
    return STRENGTHS.index(strength) <= STRENGTHS.index(_REACH[way])
