"""From what people said to grants, voids and refusals. Pure: decides from facts already gathered.

Grants need everything to fit; voids need only to be seen. So the outcome depends on the set of observations,
not on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from app.consents.store import NewGrant, StoredGrant
from app.facts.view import PullView, ReleaseView
from app.people.service import github_account
from app.privacy.names import mark
from app.pulls.admission import (
    Obstacle,
    approved_since,
    changed_mind,
    groups_of,
    last,
    may_lift,
    obstacle,
    withdrew,
    withheld,
)
from app.pulls.observe import Said
from app.pulls.signing import MAX_REASON, Act, Actor, Signer, consent_of, memberships_of
from app.pulls.store import LEFT, Head, Observation, Prompt
from app.releases.store import StoredRelease
from gates.model import Consent, Contributor
from gates.terms import EffectiveRule
from integrations.github.port import Comment, Review
from manifests.command import Command, Hint, parse_command

Decision = str


class Void(msgspec.Struct, frozen=True):
    """A grant that no longer counts, why, and the observation that says so."""

    grant: StoredGrant
    reason: str
    cause: str


class Note(msgspec.Struct, frozen=True):
    """An answer to somebody, shown in the pull request's comment. ``object`` is what it answers."""

    object: str
    login: str
    text: str


class Consented(msgspec.Struct, frozen=True):
    grants: tuple[NewGrant, ...] = ()
    voids: tuple[Void, ...] = ()
    notes: tuple[Note, ...] = ()


class Situation(msgspec.Struct, frozen=True):
    """What consent is judged by. ``grants`` are those recorded before, ``read_back`` what GitHub shows now of
    each comment or review that could grant (None: it is gone), ``releases`` maps paths to stored releases, ``makers``
    had a hand in earlier heads or in the same artifacts elsewhere."""

    view: PullView
    releases: dict[str, StoredRelease]
    heads: tuple[Head, ...]
    prompts: tuple[Prompt, ...]
    grants: tuple[StoredGrant, ...]
    observations: tuple[tuple[Observation, Said], ...]
    read_back: dict[str, Comment | Review | None]
    persons: dict[str, str]
    now: int
    makers: tuple[Contributor, ...] = ()


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
                self._note(observation, said, command.reason)
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
                groups = groups_of(view.groups.get(environment, ()), _account(said))
                if isinstance(rule, EffectiveRule) and groups:
                    self._grant(observation, said, view, "approve", (environment,), groups, way, reason, rule)
                    self._lift_own(observation, view)
                    made += 1
        if unreadable:
            self._note(observation, said, f"Nobody can approve {', '.join(unreadable)} while it cannot be read: see above.")
        elif not made:
            self._note(observation, said, "You are in none of the groups that this release asks, so nothing changed.")

    def _refusal(self, observation: Observation, said: Said, sha: str, environments: Sequence[str]) -> str:
        about = observation.object
        undone = {"comment.edited", "comment.deleted", "review.dismissed", "review.edited"}
        if any(seen.object == about and seen.kind in undone for seen, _ in self._at.observations):
            return "What you said was edited, dismissed or deleted, so it never counts. Say it anew."
        at = self._at
        found = obstacle(at.view, at.heads, at.observations, sha, _account(said), said.at)
        if found is not None:
            return self._wording(found, sha)
        known = {name for view in self._at.view.releases for name in view.environments}
        strangers = sorted(set(environments) - known)
        if not environments or strangers:
            which = (
                f"{', '.join(strangers)} is no environment of this release" if strangers else "no environment is named"
            )
            return f"Nothing counts: {which}. Paste `{self._line()}`, with the environments you mean."
        return self._not_as_told(observation, said)

    def _wording(self, found: Obstacle, sha: str) -> str:
        line = self._line()
        return {
            "shut": "The pull request is closed. Reopen it first, then approve.",
            "moved": f"You named {sha[:12]}…, but the head is {self._at.view.pull.head_sha[:12]}…. "
            f"Look again, then paste `{line}`.",
            "left": "This head was replaced by a push and came back; consent to it never counts. Push a new commit.",
            "unseen": "Nobody told us who pushed this head yet. Once the delivery has come, say it again.",
            "closed": f"The pull request was closed since. Paste `{line}` if you still agree.",
            "retargeted": f"The base was changed since. Paste `{line}` if you still agree.",
            "withdrawn": "You rejected or revoked this release since, so this older approval does not count.",
        }[found]

    def _not_as_told(self, observation: Observation, said: Said) -> str:
        """A grant must still stand at GitHub as it was delivered."""
        found = self._at.read_back.get(observation.object)
        author = found.author.id if found is not None and found.author is not None else None
        if found is None or said.account is None or author != said.account.id:
            return "What you said is no longer there, so it does not count."
        if isinstance(found, Comment):
            same = found.body == said.body and found.updated_at == found.created_at and found.by_app is None
            return "" if same else "Your comment was edited, so it never counts. Write a new one."
        return (
            "" if found.state.upper() == "APPROVED" else "Your review is no longer an approval, so it does not count."
        )

    def _withhold(self, observation: Observation, said: Said, decision: str, reason: str) -> None:
        made = 0
        for view in self._at.view.releases:
            since = approved_since(self._consents(), self._person(said), view.path, said.at)
            if since and since >= set(view.environments):
                made += 1
                continue
            groups = {group.name: group for found in view.groups.values() for group in found}
            mine = groups_of(groups.values(), _account(said))
            if mine:
                self._grant(observation, said, view, decision, (), mine, "command", reason, None)
                made += 1
        if decision == "reject":
            self._void_own(observation, said, "approve", "the person rejected the release since")
        if not made:
            self._note(observation, said, f"Only members of the groups that this release asks can {decision} it.")

    def _revoke(self, observation: Observation, said: Said) -> None:
        if not self._void_own(observation, said, "approve", "the person revoked it"):
            self._note(observation, said, "You have no approval here that counts, so there is nothing to revoke.")

    def _lift(self, observation: Observation, said: Said, sha: str) -> None:
        if sha != self._at.view.pull.head_sha:
            head = self._at.view.pull.head_sha
            self._note(observation, said, f"You named {sha[:12]}…; the head is {head[:12]}…. Paste `/unhold {head}`.")
            return
        refusal = self._not_as_told(observation, said)
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
        return may_lift(at.view, at.makers, grant.consent.groups, _account(said), self._person(said))

    def _withheld(self) -> list[StoredGrant]:
        return withheld(self._active())

    def _void_own(self, observation: Observation, said: Said, decision: Decision, reason: str) -> int:
        mine = [
            g
            for g in self._active()
            if g.consent.person == self._person(said)
            and g.consent.decision == decision
            and g.consent.issued_at <= said.at
        ]
        for grant in mine:
            self._void(grant, reason, observation.id)
        before = len(self._grants)
        self._grants = [
            g for g in self._grants if g.consent.person != self._person(said) or g.consent.decision != decision
        ]
        return len(mine) + before - len(self._grants)

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
            if grant.object == observation.object and grant.consent.decision == "approve":
                self._void(grant, reason or "", observation.id)

    def _void_stale(self) -> None:
        """What was given for another head or base, or before the pull request was closed, is over."""
        pull = self._at.view.pull
        seen = self._at.observations
        closed, retargeted = last(seen, "pull.closed"), last(seen, "pull.retargeted")
        left = {head.sha for head in self._at.heads if head.event == LEFT}
        for grant in self._active():
            consent = grant.consent
            if consent.decision != "approve":
                continue
            if consent.head_sha != pull.head_sha or consent.head_sha in left:
                self._void(grant, f"a push replaced {consent.head_sha[:12]}", f"head:{pull.head_sha}")
            elif consent.base_ref != pull.base_ref or consent.issued_at <= retargeted:
                self._void(grant, "the base was changed since", f"base:{pull.base_ref}")
            elif withdrew(seen, consent.account, consent.issued_at):
                # Also one that was signed and recorded while this was being heard.
                self._void(grant, "the person revoked it", "withdrawn")
            elif consent.issued_at <= closed or self._at.view.facts.state == "closed":
                self._void(grant, "the pull request was closed", "pull.closed")

    def _consents(self) -> list[Consent]:
        """Everything that counts so far."""
        return [*(grant.consent for grant in self._active()), *(grant.consent for grant in self._grants)]

    def _active(self) -> list[StoredGrant]:
        return [g for g in self._at.grants if g.void_reason is None and g.id not in self._voids]

    def _void(self, grant: StoredGrant, reason: str, cause: str) -> None:
        self._voids.setdefault(grant.id, Void(grant, reason, cause))

    def _grant(
        self, observation: Observation, said: Said, view: ReleaseView, decision: str, environments: tuple[str, ...],
        groups: tuple[str, ...], way: str, reason: str, rule: EffectiveRule | None,
    ) -> None:  # fmt: skip
        release = self._at.releases[view.path]
        assert said.account is not None
        account = _account(said)
        actor = Actor(self._person(said), account, mark(account), said.account.type, said.via_app)
        act = Act(
            decision=decision, environments=environments, groups=groups, way=way, strength="attested",  # type: ignore[arg-type]
            issued_at=min(said.at, observation.received_at), reason=reason[:MAX_REASON],
        )  # fmt: skip
        consent = consent_of(self._signer.new_id(), self._at.view, view, actor, act, rule)
        head = self._at.view.pull.head_sha
        displayed = next((p.digest for p in reversed(self._at.prompts) if p.head_sha == head), "0" * 64)
        memberships = memberships_of(view, environments, groups)
        self._grants.append(
            self._signer.attest(consent, release, self._at.view, view, observation.object, displayed, memberships)
        )

    def _person(self, said: Said) -> str:
        return self._at.persons[_account(said)]

    def _line(self) -> str:
        return approve_line(self._at.view)

    def _note(self, observation: Observation, said: Said, text: str) -> None:
        self._notes.append(Note(observation.object, mark(_account(said)), text))


HELP = (
    "`/approve <full head sha> <environment…>` agrees; `/reject`, `/hold` stop the release (say why below the first "
    "line); `/revoke` takes your approval back; `/unhold <full head sha>` lifts a hold or rejection; `/status` and "
    "`/recheck` look again. A command stands alone on the first line."
)


def approve_line(view: PullView) -> str:
    """The exact line to paste for everything that this pull request would release."""
    environments = list(dict.fromkeys(name for release in view.releases for name in release.environments))
    return " ".join(["/approve", view.pull.head_sha, *environments])


def _account(said: Said) -> str:
    return github_account(said.account) if said.account is not None else ""
