"""Acts on the code: branches, pushes, merges and the policy on the base branch."""

from __future__ import annotations

from typing import Any

from manifests.policy import POLICY_PATH
from tests.cases.scene import BRANCH, Scene, Step


class CodeActs(Scene):
    def _open(self, of: Step) -> None:
        """A pull request: with a release, the files ``also`` and, if it is ``by`` somebody with a ``fork``, from there;
        or with nothing but ``files``."""
        by = of.get("by", "alice")
        branch = of.get("branch", BRANCH)
        files = self._files({**self.case.release, **of.get("release", {})}, of.get("also")) if "files" not in of else {}
        files |= {path: self._filled(text) for path, text in (of.get("files") or {}).items()}
        if of.get("fork"):
            self.github.fork(self.repository, by)
        self._commit(files, of, by, branch)
        self.pull = self.github.open_pull(
            self.repository, f"{by}:{branch}" if of.get("fork") else branch, author=by, base=of.get("base"),
            title=of.get("title", "A change"), draft=of.get("draft", False),
        )  # fmt: skip
        self._later()

    def _commit(self, files: dict[str, bytes], of: Step, by: str, branch: str) -> None:
        repository = f"{by}/{self.prefix}" if of.get("fork") else self.repository
        commit = self.github.push(
            repository, branch, files, author=of.get("author", by), pusher=by, committer=of.get("committer"),
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
            files = self._files({**self.case.release, **of.get("release", {})}, of.get("also"))
        self._commit(files, of, of.get("by", "alice"), of.get("branch", BRANCH))

    def _force_back(self, value: Any) -> None:
        of = self._of(value)
        self.github.force_push(self.repository, BRANCH, self.heads[of.get("to", 0)], pusher=of.get("by", "alice"))

    def _merge(self, by: str) -> None:
        self.merged = self.github.merge_pull(self.repository, self.at.number, by=by, method="squash").sha

    def _queue(self, by: str) -> None:
        """Into the merge queue."""
        self.group = self.github.enqueue(self.repository, [self.at.number], by=by)

    # The policy

    def _base_policy(self, text: str) -> None:
        """A policy that gets onto the base branch and is adopted."""
        self._pushed_policy(text)
        self._adopted()

    def _pushed_policy(self, text: str) -> None:
        """A policy that gets onto the base branch past every check."""
        policy = self._filled(self.table.filled(text, self.case))
        self.github.push(self.repository, "main", {POLICY_PATH: policy}, author="grace")

    def _propose_policy(self, value: Any) -> None:
        """A pull request of alice's with another policy, by its name or text, and with ``files`` beside it."""
        of = value if isinstance(value, dict) else {"policy": value}
        files = {path: self._filled(text) for path, text in of.get("files", {}).items()}
        files[POLICY_PATH] = self._filled(self.table.filled(of["policy"], self.case))
        self._commit(files, {}, "alice", "policy")
        title = of.get("title", "Approvals end sooner, after the incident of last week")
        self.pull = self.github.open_pull(self.repository, "policy", author="alice", title=title)

    def _adopt(self, branch: str) -> None:
        """Two stewards adopt what stands on a branch."""
        self._adopted(branch)
