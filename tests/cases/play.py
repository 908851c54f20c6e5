"""Acting out one case at the simulated GitHub, and reading what Countersign says there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import yaml

from app.clock import SECOND
from app.sandbox.outsiders import unescaped
from integrations.github.simulator.model import Comment, MergeGroup, Pull, Review
from manifests.located_yaml_scalars import parse_duration
from manifests.policy import POLICY_PATH
from manifests.times import to_rfc3339
from tests.cases.model import Case, Table
from tests.stateful.lively import Lively

CONCLUSIONS = {"green": "success", "waits": "action_required", "denied": "failure"}
FOLDER = "releases/app"
BRANCH = "change"

Step = dict[str, Any]


class Unexpected(AssertionError):
    """What was expected, what the check says, and where in the case."""


class Player:
    """One case. Every act takes two seconds, as GitHub's times are whole seconds."""

    def __init__(self, lively: Lively, table: Table, case: Case, number: int) -> None:
        self.lively, self.github, self.table, self.case = lively, lively.github, table, case
        self.prefix = f"case-{number}"
        self.repository = f"acme/{self.prefix}"
        self.version = 0
        self.heads: list[str] = []
        self.said: list[Comment | Review] = []
        self.pull: Pull | None = None
        self.group: MergeGroup | None = None

    def play(self) -> None:
        self._prepare()
        steps = list(self.case.steps)
        if not any("open" in step for step in steps):
            self._open({})
        for place, step in enumerate(steps, 1):
            ((verb, value),) = step.items()
            act: Callable[[Any], None] | None = getattr(self, f"_{verb}", None)
            assert act is not None, f"step {place} says {verb}, which nobody knows how to do"
            try:
                act(value)
                self._later()
            except Unexpected as error:
                raise Unexpected(f"{self.case.name}, step {place} ({verb}): {error}") from None
        assert "expect" in steps[-1], "a case ends with what is expected"

    # The world of the case

    def _prepare(self) -> None:
        for name, members in {**self.table.teams, **self.case.teams}.items():
            self.github.create_team("acme", f"{self.prefix}-{name}", members=members)
        files = {"README.md": b"# Ours\n", **{path: self._filled(text) for path, text in self.case.base.items()}}
        policy = self.table.policy_of(self.case)
        if policy is not None:
            files[POLICY_PATH] = self._filled(policy)
        self.github.create_repository(self.repository, files)
        if policy is not None and self.case.adopted:
            self._adopt()
        self._later()

    def _adopt(self) -> None:
        """Two stewards adopt the policy on the base branch."""
        self.lively.run(self.lively.world.adopt(self.repository))

    def _filled(self, text: str) -> bytes:
        """``$name`` is the slug of a team of this case, ``$now±span`` an instant."""
        text = re.sub(r"\$now([+-])(\w+)", self._instant, text)
        return re.sub(r"\$([a-z-]+)", rf"{self.prefix}-\1", text).encode()

    def _instant(self, match: re.Match[str]) -> str:
        seconds = parse_duration(match[2]) or 0
        return to_rfc3339(self.lively.now + (seconds if match[1] == "+" else -seconds) * SECOND)

    def _files(self, changed: dict[str, Any]) -> dict[str, bytes]:
        """A release of one file that no other case has."""
        self.version += 1
        limits = f'{{"of": "{self.prefix}", "version": {self.version}}}\n'.encode()
        manifest = {
            "schema": "countersign/release/v1", "kind": "config", "name": self.prefix, "version": f"1.0.{self.version}",
            "rationale": "The spread limit goes from 12 to 10 basis points after the review of last month.",
            "environments": ["production"],
            "artifacts": [
                {"name": "limits.json", "path": "limits.json", "sha256": hashlib.sha256(limits).hexdigest()}
            ],
            **changed,
        }  # fmt: skip
        return {f"{FOLDER}/release.yaml": yaml.safe_dump(manifest).encode(), f"{FOLDER}/limits.json": limits}

    def _later(self) -> None:
        self.lively.pass_time(2)
        self.lively.settle()

    def _of(self, value: Any) -> dict[str, Any]:
        return value if isinstance(value, dict) else {"by": value}

    @property
    def at(self) -> Pull:
        assert self.pull is not None
        return self.github.pull(self.repository, self.pull.number)

    # Acts on the code

    def _open(self, of: Step) -> None:
        by = of.get("by", "alice")
        branch = of.get("branch", BRANCH)
        files = self._files({**self.case.release, **of.get("release", {})}) if of.get("files") is None else {}
        files |= {path: self._filled(text) for path, text in (of.get("files") or {}).items()}
        self._commit(files, of, by, branch)
        self.pull = self.github.open_pull(
            self.repository, branch, author=by, base=of.get("base"), draft=of.get("draft", False)
        )
        self._later()

    def _commit(self, files: dict[str, bytes], of: Step, by: str, branch: str) -> None:
        commit = self.github.push(
            self.repository, branch, files, author=of.get("author", by), pusher=by, committer=of.get("committer"),
            co_authors=of.get("co_authors", ()), merge=of.get("merge"), delete=of.get("delete", ()),
            message=of.get("message", "Change files"), start=of.get("start"),
        )  # fmt: skip
        if branch == BRANCH:
            self.heads.append(commit.sha)

    def _push(self, value: Any) -> None:
        """Other files of the release, or those of ``files``."""
        of = self._of(value)
        if "files" in of or "merge" in of or "delete" in of:
            files = {path: self._filled(text) for path, text in of.get("files", {}).items()}
        else:
            files = self._files({**self.case.release, **of.get("release", {})})
        self._commit(files, of, of.get("by", "alice"), of.get("branch", BRANCH))

    def _force_back(self, value: Any) -> None:
        of = self._of(value)
        self.github.force_push(self.repository, BRANCH, self.heads[of.get("to", 0)], pusher=of.get("by", "alice"))

    def _base_policy(self, text: str) -> None:
        """A policy that gets onto the base branch and is adopted."""
        policy = self._filled(self.table.policies.get(text, text))
        self.github.push(self.repository, "main", {POLICY_PATH: policy}, author="grace")
        self._adopt()

    def _pushed_policy(self, text: str) -> None:
        """A policy that gets onto the base branch past every check."""
        policy = self._filled(self.table.policies.get(text, text))
        self.github.push(self.repository, "main", {POLICY_PATH: policy}, author="grace")

    # Acts on the pull request

    def _close(self, value: Any) -> None:
        self.github.close_pull(self.repository, self.at.number, by=self._of(value)["by"])

    def _reopen(self, value: Any) -> None:
        self.github.reopen_pull(self.repository, self.at.number, by=self._of(value)["by"])

    def _retarget(self, base: str) -> None:
        self.github.retarget(self.repository, self.at.number, base, by="alice")

    def _title(self, title: str) -> None:
        self.github.edit_pull(self.repository, self.at.number, by="alice", title=title)

    def _ready(self, by: str) -> None:
        self.github.set_draft(self.repository, self.at.number, False, by=by)

    def _merge(self, by: str) -> None:
        self.github.merge_pull(self.repository, self.at.number, by=by, method="squash")

    def _approve(self, value: Any) -> None:
        """By command, in the words that the bot shows; ``head`` counts pushes from 0."""
        for who in value if isinstance(value, list) else [value]:
            of = self._of(who)
            sha = self.at.head_sha if "head" not in of else self.heads[of["head"]]
            self._comment({"by": of["by"], "body": f"/approve {sha} {of.get('environment', 'production')}"})
            self._later()

    def _comment(self, of: Step) -> None:
        body = of["body"].replace("{head}", self.at.head_sha)
        via = of.get("via_app")
        self.said.append(self.github.comment(self.repository, self.at.number, by=of["by"], body=body, via_app=via))

    def _review(self, of: Step) -> None:
        state = of.get("state", "APPROVED")
        self.said.append(
            self.github.review(self.repository, self.at.number, by=of["by"], state=state, body=of.get("body", ""))
        )

    def _edit(self, of: Step) -> None:
        said = self.said[of.get("which", -1)]
        body = of.get("body", "never mind").replace("{head}", self.at.head_sha)
        if isinstance(said, Comment):
            self.github.edit_comment(self.repository, said.id, by=of["by"], body=body)
        else:
            self.github.edit_review(self.repository, self.at.number, said.id, by=of["by"], body=body)

    def _delete(self, value: Any) -> None:
        of = self._of(value)
        self.github.delete_comment(self.repository, self.said[of.get("which", -1)].id, by=of["by"])

    def _dismiss(self, value: Any) -> None:
        of = self._of(value)
        self.github.dismiss_review(self.repository, self.at.number, self.said[of.get("which", -1)].id, by=of["by"])

    # Acts on people and time

    def _join(self, of: Step) -> None:
        self.github.add_team_member(
            "acme", f"{self.prefix}-{of['team']}", of["who"], by=of.get("by"), pending=of.get("pending", False)
        )

    def _leave(self, of: Step) -> None:
        self.github.remove_team_member("acme", f"{self.prefix}-{of['team']}", of["who"])

    def _wait(self, span: str) -> None:
        self.lively.pass_time(parse_duration(span) or 0)

    def _lose(self, count: int) -> None:
        self.github.lose_next(count)

    def _double(self, count: int) -> None:
        self.github.double_next(count)

    def _reorder(self, count: int) -> None:
        self.github.reorder_next(count)

    def _sweep(self, _: Any) -> None:
        self.lively.sweep()

    def _queue(self, by: str) -> None:
        """Into the merge queue."""
        self.group = self.github.enqueue(self.repository, [self.at.number], by=by)

    # What is expected

    def _expect(self, value: Any) -> None:
        of = value if isinstance(value, dict) else {"state": value}
        sha = self.group.head_sha if of.get("of") == "queue" and self.group else self.at.head_sha
        name = f"countersign: {self.at.base_ref}"
        runs = [run for run in self.github.checks(self.repository, sha) if run.name == name]
        if not runs:
            if of["state"] == "none":
                return
            raise Unexpected(f"expected {of['state']}, found no check at all")
        found = runs[-1]
        said = " ".join(unescaped(f"{found.title}\n{found.summary}").split())
        if of["state"] == "none" or found.conclusion != CONCLUSIONS[of["state"]]:
            raise Unexpected(f"expected {of['state']}, found {found.conclusion}:\n{found.title}\n{found.summary}")
        for text in _list(of.get("says")):
            if text not in said:
                raise Unexpected(f"expected the check to say {text!r}; it says:\n{said}")
        for text in _list(of.get("not")):
            if text in said:
                raise Unexpected(f"expected the check not to say {text!r}; it says:\n{said}")
        for text in _list(of.get("shows")):
            if text not in self._shown():
                raise Unexpected(f"expected the bot's comment to show {text!r}; it shows:\n{self._shown()}")

    def _shown(self) -> str:
        ours = [one for one in self.at.comments if one.author.login == "countersign[bot]"]
        return " ".join(unescaped("\n".join(one.body for one in ours)).split())

    def _count_calls(self, _: Any) -> None:
        """From here on calls to GitHub are counted."""
        self.github.calls.clear()

    def _expect_calls(self, most: int) -> None:
        made = [f"{method} {path} {status}" for method, path, status in self.github.calls]
        if len(made) > most:
            raise Unexpected(f"expected at most {most} calls to GitHub, found {made}")


def _list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
