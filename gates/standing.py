"""Who may say something beside filling a seat: members of a group now, who had no hand in the release."""

from __future__ import annotations

import msgspec

from gates.excluded import Excluded, excluded
from gates.groups import Roster
from gates.membership import Registry, registry, rosters, stranger
from gates.model import Consent, Snapshot
from gates.terms import EffectiveRule


class Standing(msgspec.Struct, frozen=True):
    """The groups that the rule names as they are now, and who had a hand in the release."""

    rosters: dict[str, Roster]
    registry: Registry
    excluded: Excluded

    def hand(self, consent: Consent) -> str:
        """What its giver did with the release ("they wrote part of it"); empty when nothing."""
        deed = self.excluded.deed(consent.account, consent.person)
        return f"they {deed}" if deed else ""

    def stranger(self, consent: Consent, group: str) -> str:
        """Why its giver is no member of ``group`` who counts; empty when they are one."""
        roster = self.rosters.get(group)
        if roster is None:
            return f"the group {group} is not defined"
        return stranger(consent, roster, self.registry)


def standing(snapshot: Snapshot, rule: EffectiveRule) -> Standing:
    barred = excluded(snapshot, rule)
    known = registry(snapshot, rule, barred)
    return Standing(rosters(snapshot, rule, known), known, barred)
