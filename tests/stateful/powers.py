"""A random history of one repository: releases one after the other, and everything that people can say about them.

What truly happened is kept beside, whatever was delivered and whatever the service made of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from app.releases import store as releases
from app.sandbox import documents
from app.sandbox.world import TENANT
from manifests.policy import POLICY_PATH
from tests.stateful.cases import SECOND, Allowed, Case, Glass, Word, model
from tests.stateful.histories import MEMBERS
from tests.stateful.playground import ENVIRONMENTS, LABEL, OWNER, REVIEW_WITHIN_S, Answer, Desk, Playground


class Powers:
    """Every act takes two seconds. ``unclear``: deliveries are held back or were lost."""

    def __init__(self, desk: Desk, kind: str = "plain") -> None:
        self.desk, self.lively = desk, desk.lively
        self.github = self.lively.github
        world = self.lively.world
        assert isinstance(world, Playground)
        self.world = world
        self.lively.count += 1
        self.repository = f"acme/h{self.lively.count}"
        self.shift = float(self.lively.count)
        self.source = 0
        self.kind = self.counting = kind
        self.unclear = False
        self.members = {team: set(members) for team, members in MEMBERS.items()}
        self.joined: dict[tuple[str, str], tuple[int, str] | None] = {}
        self.cases: list[Case] = []
        self.glasses: list[Glass] = []
        self.allowed: list[Allowed] = []
        self.story: list[str] = []
        self.github.create_repository(self.repository, {"README.md": b"# Models\n", POLICY_PATH: world.text(kind)})
        self.lively.run(world.adopt(self.repository))
        self.github.push(self.repository, "develop", {"DEVELOP.md": b"# Develop\n"}, author="alice")
        self.propose("alice")
        self.lively.settle()

    @property
    def case(self) -> Case:
        return self.cases[-1]

    @property
    def paths(self) -> set[str]:
        return {f"{case.folder}/release.yaml" for case in self.cases}

    def tell(self, what: str) -> None:
        self.story.append(f"{self.lively.now / SECOND % 1e6:.0f} {what}")

    def later(self, seconds: float = 2) -> None:
        self.lively.pass_time(seconds)

    # Pull requests

    def propose(self, author: str, same: bool = False) -> None:
        """The next release; with ``same``, of the model that the last one had."""
        before = self.cases[-1] if self.cases else None
        number = len(self.cases)
        case = Case(
            f"release-{number}", f"releases/{self.repository[5:]}-{number}", author, self.lively.now, hands={author}
        )
        self.cases.append(case)
        if not same or before is None:
            self.shift += 0.001
        sha = self._push(author, self._files(), case)
        self.tell(f"{author} proposes {case.folder} {'again ' if same else ''}at {sha[:7]}")
        case.pull = self.github.open_pull(self.repository, case.branch, author=author, base="main")
        self.later()

    def _files(self, content: Literal["release", "source", "readme"] = "release") -> dict[str, bytes]:
        if content == "readme":
            return {"README.md": f"# {self.lively.now}\n".encode()}
        if content == "source":
            self.source += 1
            return {"src/train.py": f"# {self.source}\n".encode()}
        case, world = self.case, self.world
        return documents.release_files(
            documents.train(shift=self.shift), world.training, world.testing, version="3.2.0", window=self._window(),
            environments=ENVIRONMENTS, folder=case.folder, name=f"model-{self.repository[5:]}-{case.branch}",
        )  # fmt: skip

    def _window(self) -> tuple[str, str]:
        """Long enough for what happens in a history."""
        now = datetime.fromtimestamp(self.lively.now // SECOND, UTC)
        start, end = now - timedelta(hours=1), now + timedelta(days=30)
        return start.strftime("%Y-%m-%dT%H:%M:%SZ"), end.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _push(self, who: str, files: dict[str, bytes], case: Case) -> str:
        commit = self.github.push(self.repository, case.branch, files, author=who, pusher=who)
        case.hands.add(who)
        case.heads[commit.sha] = (self.shift, self.source)
        return commit.sha

    def push(self, who: str, content: Literal["release", "source", "readme"]) -> None:
        case = self.case
        if not case.open:
            return
        if content == "release":
            self.shift += 0.001
        old = case.head
        sha = self._push(who, self._files(content), case)
        self.tell(f"{who} pushes {content} {sha[:7]}")
        self._replaced(old)

    def force_back(self, who: str, index: int) -> None:
        case = self.case
        heads = list(case.heads)
        target = heads[index % len(heads)]
        if not case.open or target == case.head:
            return
        old = case.head
        self.tell(f"{who} forces back to {target[:7]}")
        self.github.force_push(self.repository, case.branch, target, pusher=who)
        case.hands.add(who)
        self.shift, self.source = case.heads[target]
        self._replaced(old)

    def _replaced(self, old: str) -> None:
        case = self.case
        case.left.add(old)
        for word in case.words if not self.unclear else ():
            kept = self.kind == "keep" and case.heads[word.sha] == case.content
            word.dead = word.dead or (word.what == "approve" and not kept)
        self.later()

    def close_and_reopen(self, who: str) -> None:
        case = self.case
        if not case.open:
            return
        self.tell(f"{who} closes and reopens")
        self.github.close_pull(self.repository, case.number, by=who)
        case.reset_at = self.lively.now
        self.later()
        self.github.reopen_pull(self.repository, case.number, by=who)
        self.later()

    def retarget_and_back(self, who: str) -> None:
        case = self.case
        if not case.open:
            return
        self.tell(f"{who} retargets and back")
        self.github.retarget(self.repository, case.number, "develop", by=who)
        self.later()
        self.github.retarget(self.repository, case.number, "main", by=who)
        case.reset_at = self.lively.now
        self.later()

    def label(self, who: str, on: bool) -> None:
        case = self.case
        if not case.open or on is (LABEL in case.labels):
            return
        self.tell(f"{who} {'labels' if on else 'unlabels'}")
        act = self.github.label if on else self.github.unlabel
        act(self.repository, case.number, LABEL, by=who)
        (case.labels.add if on else case.labels.discard)(LABEL)
        self.later()

    def merge(self, who: str, method: Literal["merge", "squash"]) -> None:
        case = self.case
        if not case.open:
            return
        self.tell(f"{who} merges by {method}")
        case.merged = self.github.merge_pull(self.repository, case.number, by=who, method=method).sha
        self.later()

    # The base branch and the teams

    def policy(self, kind: str, adopted: bool) -> None:
        """Another policy on main; not ``adopted``, it counts only if it was adopted last."""
        self.tell(f"policy {kind} {'adopted' if adopted else 'past the check'}")
        self.kind = kind
        self.github.push(self.repository, "main", {POLICY_PATH: self.world.text(kind)}, author="mallory")
        if adopted:
            self.lively.run(self.world.adopt(self.repository))
            self.counting = kind
        self.later(12)

    def leave(self, team: str, who: str) -> None:
        if who in self.members[team]:
            self.tell(f"{who} leaves {team}")
            self.members[team].remove(who)
            self.joined.setdefault((team, who), (self.lively.now, OWNER))
            self.github.remove_team_member("acme", team, who, by=OWNER)
        self.later()

    def join(self, team: str, who: str, by: str) -> None:
        if who not in self.members[team]:
            self.tell(f"{who} joins {team} by {by}")
            self.members[team].add(who)
            self.joined[team, who] = None if self.unclear else (self.lively.now, by)
            self.github.add_team_member("acme", team, who, by=by)
        self.later()

    def restore_teams(self) -> None:
        """As they were, and none of them by anybody who will have a hand in a release."""
        for team, who in self.joined:
            if who in self.members[team]:
                self.github.remove_team_member("acme", team, who, by=OWNER)
            self.later()
            self.lively.settle()
            if who in MEMBERS[team]:
                self.github.add_team_member("acme", team, who, by=OWNER)
            self.later()

    # What people say

    def approve(self, who: str, environments: tuple[str, ...], index: int = -1) -> None:
        heads = list(self.case.heads)
        sha = heads[index % len(heads)] if index >= 0 else self.case.head
        self._comment(who, "approve", f"/approve {sha} {' '.join(environments)}", sha, environments)

    def withhold(self, who: str, verb: str) -> None:
        self._comment(who, verb, f"/{verb}\n\nwait for the new data", self.case.head)

    def unhold(self, who: str) -> None:
        self._comment(who, "unhold", f"/unhold {self.case.head}", self.case.head)

    def delegate(self, who: str, to: str, environments: tuple[str, ...]) -> None:
        self._comment(who, "delegate", f"/delegate @{to} {' '.join(environments)}", self.case.head, environments, to=to)

    def _comment(
        self, who: str, what: str, body: str, sha: str, environments: tuple[str, ...] = ENVIRONMENTS, **more: str
    ) -> None:
        self.tell(f"{who} says {body.partition(chr(10))[0]}")
        comment = self.github.comment(self.repository, self.case.number, by=who, body=body)
        self._said(who, what, sha, environments, comment.id, **more)
        self.later()

    def review(self, who: str, state: Literal["APPROVED", "CHANGES_REQUESTED"]) -> None:
        case = self.case
        if who == case.requester or not case.open:
            return
        self.tell(f"{who} reviews {state}")
        given = self.github.review(self.repository, case.number, by=who, state=state)
        self._said(who, "approve" if state == "APPROVED" else "reject", case.head, ENVIRONMENTS, -given.id)
        self.later()

    def spoil(self, index: int, how: str, by: str) -> None:
        """Edit or delete a comment, dismiss a review."""
        case = self.case
        standing = [word for word in case.words if not word.spoilt and word.id]
        if not standing:
            return
        word = standing[index % len(standing)]
        word.spoilt = True
        self.tell(f"{by} spoils ({how}) {word.who}'s {word.what}")
        if word.id < 0:
            self.github.dismiss_review(self.repository, case.number, -word.id, by=by)
        elif how == "edit":
            self.github.edit_comment(self.repository, word.id, by=by, body="never mind")
        else:
            self.github.delete_comment(self.repository, word.id, by=by)
        self.later()

    def _said(
        self, who: str, what: str, sha: str, environments: tuple[str, ...], id: int, **more: Any
    ) -> Word:  # fmt: skip
        case = self.case
        fits = sha == case.head and sha not in case.left and (case.open or bool(case.merged))
        # While no policy counts there are no groups that anybody could speak for.
        counting = self.members if self.kind == self.counting else ()
        groups = frozenset(team for team in counting if self.belongs(team, who, case))
        word = Word(
            who, what, sha, self.lively.now, environments, id,
            None if self.unclear else (self.kind, LABEL in case.labels), None if self.unclear else groups,
            who not in self.hands(case), fits, model(case.content[0]), **more,
        )  # fmt: skip
        case.words.append(word)
        return word

    # What people sign, and what pipelines ask

    def sign(
        self, who: str, decision: str, environment: str, *, case: Case | None = None, **more: str,
    ) -> Answer | None:  # fmt: skip
        """None where there is no release to sign for."""
        found = self.release(case or self.case)
        if found is None:
            return None
        asked = {} if decision in ("reject", "hold") else {"environment": environment}
        answer = self.desk.sign(found, who, decision, **asked, **more)
        self.tell(f"{who} signs {decision} for {environment} {more}: {answer.status} {answer.code}")
        if answer.status == 201 and decision != "review":
            told = {name: value for name, value in more.items() if name in ("to", "scope", "incident")}
            environments = ENVIRONMENTS if decision in ("reject", "hold") else (environment,)
            self._said(who, decision, self.case.head, environments, 0, **told)
        self.later()
        return answer

    def release(self, case: Case) -> str | None:
        repository = self.github.world.repository(self.repository).id
        path = f"{case.folder}/release.yaml"
        found = self.lively.read(lambda tx: releases.at_path(tx, TENANT, repository, path))
        return found[0].id if found else None

    def ask(self, environment: str) -> Any:
        """The gate's answer about the merged release; None where nothing was merged or found out."""
        case = self.case
        if not case.merged:
            return None
        question = {
            "environment": environment, "repository": self.repository, "commit": case.merged,
            "subjects": [{"name": "policy.json", "digest": {"sha256": model(case.content[0])}}],
        }  # fmt: skip
        answer = self.desk.ask("POST", "/api/v1/decisions", question, "pipeline")
        self.tell(f"the pipeline asks for {environment}: {answer.status} {answer.body.get('decision', answer.code)}")
        if answer.status == 200 and answer.body["decision"] == "allow":
            names = {result["name"]: result["status"] for result in answer.body["verdict"]["results"]}
            glass = names.get("break glass") == "pass" and "waived" in names.values()
            self.allowed.append(Allowed(answer.body["decision_id"], case, environment, self.lively.now, glass))
        return answer.body if answer.status == 200 else None

    def redeem(self, index: int) -> tuple[Allowed, Answer] | None:
        if not self.allowed:
            return None
        allowed = self.allowed[index % len(self.allowed)]
        answer = self.desk.ask("POST", f"/api/v1/decisions/{allowed.id}/redemption", {}, "pipeline")
        self.tell(f"the pipeline redeems {allowed.id[:6]}{' by glass' * allowed.glass}: {answer.status} {answer.code}")
        if answer.status == 200 and allowed.glass:
            self._broken(allowed)
        self.later()
        return allowed, answer

    def _broken(self, allowed: Allowed) -> None:
        used = [
            word
            for word in allowed.case.words
            if word.what == "break-glass" and allowed.environment in word.environments
            if word.at <= allowed.at and not word.dead and word.sha == allowed.case.head
        ]
        for word in used:
            word.dead = True
        due = self.lively.now + REVIEW_WITHIN_S * SECOND
        by = frozenset(word.who for word in used)
        self.glasses.append(Glass(allowed.id, allowed.case, allowed.environment, by, due))

    def review_glass(self, who: str, index: int) -> None:
        if not self.glasses:
            return
        glass = self.glasses[index % len(self.glasses)]
        answer = self.sign(who, "review", glass.environment, case=glass.case, glass=glass.id)
        if answer is not None and answer.status == 201:
            glass.reviewed = True

    # What is true of people

    def hands(self, case: Case) -> set[str]:
        """Whoever had a hand in any head of it, or in a release with an artifact that its head has."""
        now = model(case.content[0]) if case.pull is not None else ""
        return set().union(case.hands, *(other.hands for other in self.cases if now in other.artifacts()))

    def belongs(self, team: str, who: str, case: Case) -> bool:
        """Whether their membership counts for this release: older than it, and given by nobody interested."""
        if who not in self.members[team]:
            return False
        since = self.joined.get((team, who))
        return since is None or (since[0] <= case.proposed_at and since[1] not in (who, case.requester))

    def told(self) -> str:
        case = self.case
        words = [f"  {word}" for word in case.words]
        place = f"#{case.number} of {self.repository}: head {case.head[:7]} {case.pull.state if case.pull else ''}"
        return "\n".join([*self.story, place, f"hands {self.hands(case)} {self.members} {self.joined}", *words])
