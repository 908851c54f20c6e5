"""Acts on the pull request: what people say there, and what else they do to it."""

from __future__ import annotations

from typing import Any

from integrations.github.simulator.model import Comment
from tests.cases.scene import Scene, Step


class TalkActs(Scene):
    def _look(self, number: int) -> None:
        """From here on it is about another pull request of the case."""
        self.pull = self.github.pull(self.repository, number)

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

    def _label(self, name: str) -> None:
        self.github.label(self.repository, self.at.number, name, by="alice")

    def _unlabel(self, name: str) -> None:
        self.github.unlabel(self.repository, self.at.number, name, by="alice")

    def _approve(self, value: Any) -> None:
        """By command, in the words that the bot shows; ``head`` counts pushes from 0."""
        for place, who in enumerate(value if isinstance(value, list) else [value]):
            if place:
                self._later()
            of = self._of(who)
            sha = self.at.head_sha if "head" not in of else self.heads[of["head"]]
            self._comment({"by": of["by"], "body": f"/approve {sha} {of.get('environment', 'production')}"})

    def _comment(self, of: Step) -> None:
        body, via = self._filled(self._saying(of["body"])).decode(), of.get("via_app")
        self.said.append(self.github.comment(self.repository, self.at.number, by=of["by"], body=body, via_app=via))

    def _recheck(self, by: str) -> None:
        self.github.comment(self.repository, self.at.number, by=by, body="/recheck")

    def _review(self, value: Any) -> None:
        of = self._of(value)
        state = of.get("state", "APPROVED")
        self.said.append(
            self.github.review(self.repository, self.at.number, by=of["by"], state=state, body=of.get("body", ""))
        )

    def _edit(self, of: Step) -> None:
        said = self.said[of.get("which", -1)]
        body = self._saying(of.get("body", "never mind"))
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
