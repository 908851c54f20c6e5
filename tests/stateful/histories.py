"""A random history of one pull request: what people do, what the network does, and what really happened.

``Truth`` keeps what happened at GitHub, whatever was delivered: one oracle reads only that, the other only the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import Pull
from tests.stateful.lively import Lively

TEAMS = {"senior-developers": "senior-developers", "risk": "risk-managers"}
SEATS = ("senior-developers", "risk-managers")
MEMBERS = {"senior-developers": {"alice", "bob", "dana"}, "risk": {"carol", "dana"}}
PEOPLE = ("alice", "bob", "carol", "dana", "mallory")


@dataclass
class Said:
    """One consent as it stands at GitHub. ``id``: of the comment, or of the review if negative; ``member``: of any
    group when it was said; ``spoilt``: edited, deleted or dismissed since."""

    who: str
    what: str
    sha: str
    at: int
    base: str
    id: int
    member: bool
    spoilt: bool = False


@dataclass
class Truth:
    """Everything that happened to the pull request. ``hands``: whoever had a hand in any commit it ever had."""

    hands: set[str] = field(default_factory=set)
    said: list[Said] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    reset_at: int = -1
    """When it was last closed or retargeted."""


class History:
    """Acts at the simulated GitHub. Every act takes two seconds, as GitHub's times are whole seconds."""

    def __init__(self, lively: Lively, author: str = "alice") -> None:
        self.lively = lively
        self.github = lively.github
        lively.count += 1
        self.branch = f"release-{lively.count}"
        self.folder = f"releases/r{lively.count}"
        self.truth = Truth(hands={author})
        self.shift = float(lively.count)
        self.members = {team: set(members) for team, members in MEMBERS.items()}
        self.touched: set[tuple[str, str]] = set()
        self.heads: list[str] = []
        self._push(author)
        self.pull: Pull = self.github.open_pull(REPOSITORY, self.branch, author=author, base="main")
        self.lively.pass_time(2)

    def told(self) -> str:
        """What happened, for a failing test to show."""
        truth, pull, now = self.truth, self.pull, self.lively.now
        said = [
            f"{s.who} {s.what} {s.sha[:7]} {(now - s.at) / 1e6:.0f} s ago {s.spoilt=} {s.member=}" for s in truth.said
        ]
        place = f"head {pull.head_sha[:7]} {pull.state} into {pull.base_ref}, left {[sha[:7] for sha in truth.left]}"
        reset = f"reset {(now - truth.reset_at) / 1e6:.0f} s ago" if truth.reset_at > 0 else "never reset"
        return "\n".join([f"#{pull.number} {place}, {reset}", f"hands {truth.hands}, {self.members}", *said])

    @property
    def number(self) -> int:
        return self.pull.number

    def push(self, who: str) -> None:
        before = self.pull.head_sha
        self.shift += 0.001
        self._push(who)
        self.truth.left.add(before)
        self._later()

    def _push(self, who: str) -> None:
        files = self.lively.world.release_files(shift=self.shift, folder=self.folder, name=f"model-{self.branch}")
        commit = self.github.push(REPOSITORY, self.branch, files, author=who, pusher=who)
        self.truth.hands.add(who)
        self.heads.append(commit.sha)

    def force_back(self, who: str, index: int) -> None:
        target = self.heads[index % len(self.heads)]
        if target != self.pull.head_sha:
            self.truth.left.add(self.pull.head_sha)
            self.github.force_push(REPOSITORY, self.branch, target, pusher=who)
            self.truth.hands.add(who)
        self._later()

    def approve(self, who: str, index: int = -1) -> None:
        sha = self.heads[index % len(self.heads)] if index >= 0 else self.pull.head_sha
        self._comment(who, "approve", f"/approve {sha} production", sha)

    def withhold(self, who: str, verb: str) -> None:
        self._comment(who, verb, f"/{verb}\n\nwait for the new data", self.pull.head_sha)

    def unhold(self, who: str) -> None:
        self._comment(who, "unhold", f"/unhold {self.pull.head_sha}", self.pull.head_sha)

    def _comment(self, who: str, what: str, body: str, sha: str) -> None:
        comment = self.github.comment(REPOSITORY, self.number, by=who, body=body)
        self._said(who, what, sha, comment.id)
        self._later()

    def _said(self, who: str, what: str, sha: str, id: int) -> None:
        member = any(who in members for members in self.members.values())
        self.truth.said.append(Said(who, what, sha, self.lively.now, self.pull.base_ref, id, member))

    def review(self, who: str, state: str) -> None:
        if who == self.pull.author.login or self.pull.state != "open":
            return
        given = self.github.review(REPOSITORY, self.number, by=who, state=state)  # type: ignore[arg-type]
        what = "approve" if state == "APPROVED" else "reject"
        self._said(who, what, self.pull.head_sha, -given.id)
        self._later()

    def spoil(self, index: int, how: str, by: str) -> None:
        """Edit or delete a comment, dismiss a review."""
        standing = [said for said in self.truth.said if not said.spoilt]
        if standing:
            said = standing[index % len(standing)]
            said.spoilt = True
            if said.id < 0:
                self.github.dismiss_review(REPOSITORY, self.number, -said.id, by=by)
            elif how == "edit":
                self.github.edit_comment(REPOSITORY, said.id, by=by, body="never mind")
            else:
                self.github.delete_comment(REPOSITORY, said.id, by=by)
        self._later()

    def close_and_reopen(self, who: str) -> None:
        self.github.close_pull(REPOSITORY, self.number, by=who)
        self.truth.reset_at = self.lively.now
        self._later()
        self.github.reopen_pull(REPOSITORY, self.number, by=who)
        self._later()

    def retarget_and_back(self, who: str) -> None:
        self.github.retarget(REPOSITORY, self.number, "develop", by=who)
        self._later()
        self.github.retarget(REPOSITORY, self.number, "main", by=who)
        self.truth.reset_at = self.lively.now
        self._later()

    def leave(self, team: str, who: str) -> None:
        if who in self.members[team]:
            self.touched.add((team, who))
            self.members[team].remove(who)
            self.github.remove_team_member("acme", team, who, by="mallory")
        self._later()

    def join(self, team: str, who: str, by: str) -> None:
        if who not in self.members[team]:
            self.members[team].add(who)
            self.github.add_team_member("acme", team, who, by=by)
        self._later()

    def restore_teams(self) -> None:
        """As they were: also who was taken back by the requester or by themselves, which would count for nothing."""
        for team, who in sorted(self.touched):
            self.leave(team, who)
            self.lively.settle()
            self.join(team, who, "mallory")

    def _later(self) -> None:
        self.lively.pass_time(2)
