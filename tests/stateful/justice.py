"""Whether what people truly said and did lets a release pass: told from the history, by trying every assignment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from tests.stateful.cases import SECOND, Case, Word, model
from tests.stateful.playground import ENVIRONMENTS, LABEL, LOOSE, seats
from tests.stateful.powers import Powers

EXPIRES = 72 * 3600 * SECOND
DELEGATED = 3 * 24 * 3600 * SECOND
VALID = 4 * 3600 * SECOND


class Justice:
    """Judges the newest release of a history."""

    def __init__(self, powers: Powers, environment: str) -> None:
        self.powers, self.environment = powers, environment
        self.case, self.now = powers.case, powers.lively.now
        self.hands = powers.hands(self.case)

    def may_pass(self) -> bool:
        """Whether the check may be green, or, once it is merged, a deployment be allowed."""
        powers, case = self.powers, self.case
        assert case.pull is not None
        if powers.kind != powers.counting or case.pull.base_ref != "main" or not (case.open or case.merged):
            return False
        if any(self._stops(other, word) for other in powers.cases for word in other.words):
            return False
        broken = self.is_broken()
        return broken or (self.is_seated() and not self._is_overdue())

    # Seats

    def is_seated(self) -> bool:
        labelled = LABEL in self.case.labels
        wanted = seats(self.powers.kind, self.environment, labelled)
        slots = [self._fit(team) for team, count in sorted(wanted.items()) for _ in range(count)]
        return _distinct(slots, frozenset())

    def _fit(self, team: str) -> list[frozenset[str]]:
        """The persons, or pairs of who acts and for whom, who could fill a seat of the team."""
        found = [word for word in self.case.words if self._approves(word)]
        own = [frozenset({word.who}) for word in found if self._belongs(team, word)]
        acting = [
            frozenset({word.who, given.who})
            for word in found
            for case in self.powers.cases
            for given in case.words
            if self._lets_act(given, case, word) and self._belongs(team, given)
        ]
        return own + acting

    def _approves(self, word: Word) -> bool:
        if word.what != "approve" or not word.fits or word.spoilt or word.dead or not self._says(word, self.case):
            return False
        if word.at <= self.case.reset_at or self.now >= word.at // SECOND * SECOND + EXPIRES:
            return False
        return self._is_of_this_rule(word) and self._is_of_this_head(word)

    def _is_of_this_head(self, word: Word) -> bool:
        case = self.case
        if self.powers.kind != "keep":
            return word.sha == case.head and case.head not in case.left
        if word.sha == case.head and case.head in case.left:
            return len(set(case.heads.values())) == 1
        return case.heads[word.sha] == case.content

    def _is_of_this_rule(self, word: Word) -> bool:
        if word.rule is None:
            return True
        kind, labelled = word.rule
        asked = (self.powers.kind, LABEL in self.case.labels)
        return (kind, labelled) == asked if self.environment == "production" else kind == asked[0]

    def _says(self, word: Word, case: Case) -> bool:
        """It names the environment, by somebody who had no hand in the release and took nothing back since."""
        if self.environment not in word.environments or word.who in self.hands:
            return False
        return not any(
            other.who == word.who and other.at > word.at and other.what in ("reject", "revoke") for other in case.words
        )

    def _belongs(self, team: str, word: Word) -> bool:
        was = word.groups is None or team in word.groups
        return was and self.powers.belongs(team, word.who, self.case)

    def _lets_act(self, given: Word, case: Case, word: Word) -> bool:
        if given.what != "delegate" or given.to != word.who or given.who == word.who or given.spoilt:
            return False
        if self.powers.kind not in LOOSE or (case is not self.case and given.scope != "repository"):
            return False
        return self._says(given, case) and given.at <= word.at and self.now < given.at + DELEGATED

    # Stops

    def _stops(self, case: Case, word: Word) -> bool:
        if word.what not in ("hold", "reject") or not word.groups:
            return False
        here = case is self.case or model(self.case.content[0]) == word.artifact
        return here and not any(self._lifts(case, word, other) for other in case.words)

    def _lifts(self, case: Case, word: Word, other: Word) -> bool:
        if other.at < word.at or other is word:
            return False
        if other.what == "unhold":
            peer = other.groups is None or (other.clean and bool(other.groups & (word.groups or frozenset())))
            return other.who == word.who or peer
        if other.what != "approve" or other.who != word.who:
            return False
        since = [one for one in case.words if one.who == word.who and one.what == "approve" and one.at >= word.at]
        return {name for one in since for name in one.environments if one.fits} >= set(ENVIRONMENTS)

    # The glass

    def is_broken(self) -> bool:
        if self.powers.kind not in LOOSE or self.case.head in self.case.left:
            return False
        words = [word for word in self.case.words if self._breaks(word)]
        return any(
            one.incident == other.incident and one.who != other.who
            and self._belongs("senior-developers", one) and self._belongs("risk", other)
            for one, other in permutations(words, 2)
        )  # fmt: skip

    def _breaks(self, word: Word) -> bool:
        if word.what != "break-glass" or word.dead or not self._says(word, self.case):
            return False
        if word.sha != self.case.head or word.at <= self.case.reset_at or self.now >= word.at + VALID:
            return False
        return self._is_of_this_rule(word)

    def _is_overdue(self) -> bool:
        return any(
            glass.environment == self.environment and not glass.reviewed and glass.due_at <= self.now
            for glass in self.powers.glasses
        )


def _distinct(slots: Sequence[list[frozenset[str]]], taken: frozenset[str]) -> bool:
    """Whether each slot can have persons of its own."""
    if not slots:
        return True
    return any(not fit & taken and _distinct(slots[1:], taken | fit) for fit in slots[0])
