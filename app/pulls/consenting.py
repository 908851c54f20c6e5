"""From what people said to grants, voids and refusals. Pure: decides from facts already gathered.

Grants need everything to fit; voids need only to be seen. So the outcome depends on the set of observations,
not on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.consents.store import NewGrant, StoredGrant
from app.facts.view import ReleaseView
from app.people.service import github_account
from app.privacy.names import mark
from app.pulls.acting import acting_groups, delegations_of
from app.pulls.admission import (
    WITHDRAWN,
    approved_since,
    changed_mind,
    groups_of,
    may_lift,
    obstacle,
    replaced,
    revokes,
    withdrew,
    withheld,
)
from app.pulls.around import HELP, approve_line, delegation, emergency, ended, hint, line_of, wording
from app.pulls.belonging import asked_groups
from app.pulls.keeping import outlives
from app.pulls.moved import moved
from app.pulls.observe import Said
from app.pulls.powers import Delegate, Giver, Power
from app.pulls.reading_back import not_as_told
from app.pulls.signing import MAX_REASON, Act, Actor, Signer, consent_of, memberships_of
from app.pulls.situation import Consented, Note, Situation, Void
from app.pulls.store import Observation
from gates.model import Consent, Delegation
from gates.terms import EffectiveRule
from gates.words import instant
from manifests.command import Command, Hint, parse_command


class Consenting:
    """Judges what was newly said. Every approval is a statement per release and environment."""

    def __init__(self, signer: Signer, situation: Situation) -> None:
        self._signer = signer
        self._at = situation
        self._grants: list[NewGrant] = []
        self._voids: dict[str, Void] = {}
        self._notes: list[Note] = []

    def judge(self, fresh: Iterable[tuple[Observation, Said]]) -> Consented:
        for observation, said in fresh:
            self._void_by(observation, said)
            self._hear(observation, said)
        self._void_stale()
        for observation, said in self._at.observations:
            if revokes(observation, said):
                # Also what was signed before it and recorded after it.
                self._void_lent(observation, said)
        return Consented(tuple(self._grants), tuple(self._voids.values()), tuple(self._notes))

    def _hear(self, observation: Observation, said: Said) -> None:
        if said.account is None or said.account.type != "User" or said.via_app:
            return
        if said.sender_id != said.account.id:
            return
        if any(grant.object == observation.object for grant in self._at.grants):
            return
        if observation.kind == "comment.created":
            self._command(observation, said)
        elif observation.kind == "review.approved":
            self._review(observation, said)
        elif observation.kind == "review.changes_requested":
            self._withhold(observation, said, "reject", said.body)

    def _command(self, observation: Observation, said: Said) -> None:
        command = parse_command(said.body)
        match command:
            case Hint():
                self._note(observation, said, hint(command.reason, command.verb, self._at.view))
            case Command(verb="delegate"):
                self._delegate(observation, said, command)
            case Command(verb="break-glass"):
                self._note(observation, said, emergency(self._at.view, self._at.releases, command))
            case Command(verb="approve"):
                self._approve(observation, said, command.sha or "", command.environments, "command", command.reason)
            case Command(verb="reject" | "hold"):
                self._withhold(observation, said, command.verb, command.reason)
            case Command(verb="revoke"):
                self._revoke(observation, said)
            case Command(verb="unhold"):
                self._lift(observation, said, command.sha or "")
            case Command(verb="help"):
                self._note(observation, said, HELP)
            case Command(verb="status" | "recheck"):
                self._note(observation, said, "Everything was read again; what stands above is the state now.")
            case _:
                return

    def _review(self, observation: Observation, said: Said) -> None:
        shown = [prompt for prompt in self._at.prompts if prompt.head_sha == said.sha and prompt.posted_at <= said.at]
        if not shown:
            self._note(
                observation, said,
                "Your review came before this comment had listed what it would be for, so it does not count. "
                f"Review again, or paste `{self._line()}`.",
            )  # fmt: skip
            return
        self._approve(observation, said, said.sha, shown[-1].environments, "review", said.body)

    def _approve(
        self, observation: Observation, said: Said, sha: str, environments: Sequence[str], way: str, reason: str
    ) -> None:
        refusal = self._refusal(observation, said, sha, environments)
        if refusal:
            self._note(observation, said, refusal)
            return
        made = 0
        unreadable = [view.path for view in self._at.view.releases if not view.facts.revision]
        for view in self._at.view.releases:
            for environment in environments if view.facts.revision else ():
                rule = view.rules.get(environment)
                groups = self._acting(observation, said, view, environment)
                if isinstance(rule, EffectiveRule) and groups:
                    self._grant(observation, said, view, "approve", (environment,), groups, way, reason, rule)
                    self._lift_own(observation, view)
                    made += 1
        if unreadable:
            self._note(
                observation, said, f"Nobody can approve {', '.join(unreadable)} while it cannot be read: see above."
            )
        elif not made:
            self._note(observation, said, "You are in none of the groups that this release asks, so nothing changed.")

    def _acting(self, observation: Observation, said: Said, view: ReleaseView, environment: str) -> tuple[str, ...]:
        """The groups that the person acts for, of their own or by delegation."""
        delegations = delegations_of(self._at.delegations, self._at.view.pull.number, view.path)
        at = min(said.at, observation.received_at)
        return acting_groups(view.joined(environment), _account(said), self._person(said), delegations, environment, at)

    def _delegate(self, observation: Observation, said: Said, command: Command) -> None:
        """Let somebody act for whoever says so, in every release and environment where that may be."""
        head = self._at.view.pull.head_sha
        refusal = self._refusal(observation, said, head, command.environments, "delegate")
        to = self._at.named.get(command.login.lower(), Delegate(command.login))
        giver = Giver(self._person(said), _account(said), min(said.at, observation.received_at), "attested")
        ends: list[int] = []
        for view in self._at.view.releases if not refusal else ():
            for environment in command.environments:
                found = delegation(
                    self._at.view, view, environment, giver, to, command, self._at.makers, self._at.reporting
                )
                if isinstance(found, Power):
                    self._let(observation, said, view, environment, to, found, command.reason)
                    ends.append(self._grants[-1].consent.not_after)
                elif found is not None:
                    refusal = refusal or found.sentence()
        if ends:
            where = ", ".join(command.environments)
            text = (
                f"Recorded for {where}: whom you named may act for you in this pull request until "
                f"{instant(min(ends))}. `/revoke` takes it back."
            )
            self._note(observation, said, text, granted=True)
        else:
            self._note(observation, said, refusal or "No release here has a rule for that.")

    def _let(
        self, observation: Observation, said: Said, view: ReleaseView, environment: str, to: Delegate, power: Power,
        reason: str,
    ) -> None:  # fmt: skip
        rule = view.rules[environment]
        assert isinstance(rule, EffectiveRule)
        since = min(said.at, observation.received_at)
        self._grant(
            observation, said, view, "delegate", (environment,), power.groups, "command", reason, rule,
            power.not_after, Delegation(to.person, to.account, since),
        )  # fmt: skip
        for grant in replaced(self._active(), self._grants[-1].consent):
            self._void(grant, "the same person delegated anew since", observation.id)

    def _refusal(
        self, observation: Observation, said: Said, sha: str, environments: Sequence[str], verb: str = "approve"
    ) -> str:
        about = observation.object
        undone = {"comment.edited", "comment.deleted", "review.dismissed", "review.edited"}
        if any(seen.object == about and seen.kind in undone for seen, _ in self._at.observations):
            return "What you said was edited, dismissed or deleted, so it never counts. Say it anew."
        at = self._at
        found = obstacle(at.view, at.heads, at.observations, sha, _account(said), said.at)
        if found is not None:
            return wording(found, at.view, sha, verb)
        known = {name for view in self._at.view.releases for name in view.environments}
        strangers = sorted(set(environments) - known)
        if not environments or strangers:
            which = (
                f"{', '.join(strangers)} is no environment of this release" if strangers else "no environment is named"
            )
            line = line_of(verb, self._at.view)
            return f"Nothing counts: {which}. Paste `{line}`, with the environments you mean."
        return not_as_told(self._at.read_back.get(observation.object), said)

    def _withhold(self, observation: Observation, said: Said, decision: str, reason: str) -> None:
        made = 0
        for view in self._at.view.releases:
            since = approved_since(self._consents(), self._person(said), view.path, said.at)
            if since and since >= set(view.environments):
                made += 1
                continue
            asked = [group for name in view.groups for group in asked_groups(view, name, veto=True)]
            mine = groups_of(asked, _account(said))
            if mine:
                self._grant(observation, said, view, decision, (), mine, "command", reason, None)
                made += 1
        if decision == "reject":
            self._void_own(observation, said, "the person rejected the release since")
        if not made:
            self._note(observation, said, f"Only members of the groups that this release asks can {decision} it.")

    def _revoke(self, observation: Observation, said: Said) -> None:
        """Also what the person let others do in the whole repository, wherever they said so."""
        lent = self._void_lent(observation, said, self._person(said))
        if lent:
            self._note(observation, said, ended(lent), granted=True)
        if not self._void_own(observation, said, "the person revoked it") and not lent:
            text = "You have nothing here that counts, so there is nothing to revoke."
            self._note(observation, said, text)

    def _void_lent(self, observation: Observation, said: Said, person: str = "") -> list[StoredGrant]:
        """Of the repository's delegations those that the account, or the person, had given by then."""
        given = [grant for grant in self._at.lent if grant.id not in self._voids]
        mine = [
            grant
            for grant in given
            if person == grant.consent.person or _account(said) == grant.consent.account
            if grant.consent.issued_at <= said.at
        ]
        for grant in mine:
            self._void(grant, f"the person revoked it in pull request #{self._at.view.pull.number}", observation.id)
        return mine

    def _lift(self, observation: Observation, said: Said, sha: str) -> None:
        if sha != self._at.view.pull.head_sha:
            head = self._at.view.pull.head_sha
            self._note(observation, said, f"You named {sha[:12]}…; the head is {head[:12]}…. Paste `/unhold {head}`.")
            return
        refusal = not_as_told(self._at.read_back.get(observation.object), said)
        if refusal:
            self._note(observation, said, refusal)
            return
        lifted = 0
        for grant in self._withheld():
            if grant.consent.issued_at <= said.at and self._may_lift(grant, said):
                self._void(grant, "lifted by " + _account(said), observation.id)
                lifted += 1
        if not lifted:
            self._note(
                observation, said,
                "There is nothing here that you can lift: only who held or rejected, or another member of the "
                "same group who had no hand in the release.",
            )  # fmt: skip

    def _lift_own(self, observation: Observation, view: ReleaseView) -> None:
        """Who approves what they rejected or held before has changed their mind."""
        for grant in changed_mind(self._active(), self._consents(), self._grants[-1].consent, view):
            self._void(grant, "the same person approved since", observation.id)

    def _may_lift(self, grant: StoredGrant, said: Said) -> bool:
        if grant.consent.person == self._person(said):
            return True
        at = self._at
        return may_lift(at.view, at.makers, at.reporting, grant.consent.groups, _account(said), self._person(said))

    def _withheld(self) -> list[StoredGrant]:
        return withheld(self._active())

    def _void_own(self, observation: Observation, said: Said, reason: str) -> int:
        """Take back what the person granted before."""
        mine = [g for g in self._active() if self._takes_back(said, g.consent) and g.consent.issued_at <= said.at]
        for grant in mine:
            self._void(grant, reason, observation.id)
        before = len(self._grants)
        self._grants = [g for g in self._grants if not self._takes_back(said, g.consent)]
        return len(mine) + before - len(self._grants)

    def _takes_back(self, said: Said, consent: Consent) -> bool:
        return consent.person == self._person(said) and consent.decision in WITHDRAWN

    def _void_by(self, observation: Observation, said: Said) -> None:
        """An edited, deleted or dismissed consent is void for good."""
        reasons = {
            "comment.edited": "the comment was edited",
            "comment.deleted": "the comment was deleted",
            "review.dismissed": "the review was dismissed",
            "review.edited": "the review was edited",
        }
        reason = reasons.get(observation.kind)
        for grant in self._active() if reason else ():
            if grant.object == observation.object and grant.consent.decision in WITHDRAWN:
                self._void(grant, reason or "", observation.id)

    def _void_stale(self) -> None:
        """What was given for another head or base, before the pull request was closed, or before the person took it
        back: also what was signed and recorded while that was being heard. A glass is broken for one head, whatever
        is kept."""
        for grant in self._active():
            consent = grant.consent
            if consent.decision not in WITHDRAWN:
                continue
            over = None
            if consent.decision == "approve":
                over = moved(self._at, consent, lambda one: outlives(one, self._at.view, self._at.heads))
            elif consent.decision == "break-glass":
                over = moved(self._at, consent)
            if withdrew(self._at.observations, consent.account, consent.issued_at):
                over = over or ("the person revoked it", "withdrawn")
            if over is not None:
                self._void(grant, *over)

    def _consents(self) -> list[Consent]:
        """Everything that counts so far."""
        return [*(grant.consent for grant in self._active()), *(grant.consent for grant in self._grants)]

    def _active(self) -> list[StoredGrant]:
        return [g for g in self._at.grants if g.void_reason is None and g.id not in self._voids]

    def _void(self, grant: StoredGrant, reason: str, cause: str) -> None:
        self._voids.setdefault(grant.id, Void(grant, reason, cause))

    def _grant(
        self, observation: Observation, said: Said, view: ReleaseView, decision: str, environments: tuple[str, ...],
        groups: tuple[str, ...], way: str, reason: str, rule: EffectiveRule | None, not_after: int | None = None,
        delegation: Delegation | None = None,
    ) -> None:  # fmt: skip
        release = self._at.releases[view.path]
        assert said.account is not None
        account = _account(said)
        actor = Actor(self._person(said), account, mark(account), said.account.type, said.via_app)
        act = Act(
            decision=decision, environments=environments, groups=groups, way=way, strength="attested",  # type: ignore[arg-type]
            issued_at=min(said.at, observation.received_at), reason=reason[:MAX_REASON],
            not_after=not_after, delegation=delegation, shown=self._shown(view, said, rule),
        )  # fmt: skip
        consent = consent_of(self._signer.new_id(), self._at.view, view, actor, act, rule)
        head = self._at.view.pull.head_sha
        displayed = next((p.digest for p in reversed(self._at.prompts) if p.head_sha == head), "0" * 64)
        memberships = memberships_of(view, environments, groups)
        self._grants.append(
            self._signer.attest(consent, release, self._at.view, view, observation.object, displayed, memberships)
        )

    def _shown(self, view: ReleaseView, said: Said, rule: EffectiveRule | None) -> tuple[str, ...]:
        """The documents of the release that our comment had listed by then, where a seat asks for them."""
        if rule is None or not any(seat.shown for seat in rule.seats):
            return ()
        head = self._at.view.pull.head_sha
        seen = [p.documents for p in self._at.prompts if p.head_sha == head and p.posted_at <= said.at]
        return tuple(sorted(set(seen[-1]).intersection(view.documents))) if seen else ()

    def _person(self, said: Said) -> str:
        return self._at.persons[_account(said)]

    def _line(self) -> str:
        return approve_line(self._at.view)

    def _note(self, observation: Observation, said: Said, text: str, granted: bool = False) -> None:
        self._notes.append(Note(observation.object, mark(_account(said)), text, granted))


def _account(said: Said) -> str:
    return github_account(said.account) if said.account is not None else ""
