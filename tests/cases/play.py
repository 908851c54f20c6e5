"""Acting out one case at the simulated neighbours, and reading what Countersign says there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.sandbox.outsiders import unescaped
from tests.cases.acts_around import AroundActs
from tests.cases.acts_code import CodeActs
from tests.cases.acts_signed import SignedActs
from tests.cases.acts_talk import TalkActs
from tests.cases.scene import Step, Unexpected

CONCLUSIONS = {"green": "success", "waits": "action_required", "denied": "failure"}
OPENING = ("open", "propose_policy")


class Player(CodeActs, TalkActs, AroundActs, SignedActs):
    """One case. The acts are the methods whose name is a step's word."""

    def play(self) -> None:
        self._prepare()
        steps = list(self.case.steps)
        if not any(word in step for step in steps for word in OPENING):
            self._open({})
        for place, step in enumerate(steps, 1):
            ((verb, value),) = step.items()
            act: Callable[[Any], None] | None = getattr(self, f"_{verb}", None)
            assert act is not None, f"step {place} says {verb}, which nobody knows how to do"
            try:
                act(value)
                if not verb.startswith("expect"):
                    self._later()
            except Unexpected as error:
                raise Unexpected(f"{self.case.name}, step {place} ({verb}): {error}") from None
        assert "expect" in steps[-1], "a case ends with what is expected"

    def _expect(self, value: Any) -> None:
        of = value if isinstance(value, dict) else {"state": value}
        said = ""
        if "gate" in of:
            said = self._expect_gate(of["gate"])
        if "state" in of:
            said = self._expect_state(of)
        for wanted, number in of.get("comments", {}).items():
            found = sum(wanted in one for one in self._bodies())
            if found != number:
                raise Unexpected(f"expected {number} comments saying {wanted!r}, found {found}:\n{self._shown()}")
        for wanted in _list(of.get("says")):
            if self._filled(wanted).decode() not in said:
                raise Unexpected(f"expected it to say {wanted!r}; it says:\n{said}")
        for unwanted in _list(of.get("not")):
            if self._filled(unwanted).decode() in said:
                raise Unexpected(f"expected it not to say {unwanted!r}; it says:\n{said}")
        for wanted in _list(of.get("shows")):
            if self._filled(wanted).decode() not in self._shown():
                raise Unexpected(f"expected the bot's comments to show {wanted!r}; they show:\n{self._shown()}")

    def _expect_gate(self, wanted: str) -> str:
        """What the gate answered last, as text."""
        if self.answer.get("decision") != wanted:
            raise Unexpected(f"expected the gate to answer {wanted}, found {self.answer}")
        return str(self.answer["verdict"])

    def _expect_state(self, of: Step) -> str:
        """What the newest check says."""
        sha = self.group.head_sha if of.get("of") == "queue" and self.group else self.at.head_sha
        name = f"countersign: {self.at.base_ref}"
        runs = [run for run in self.github.checks(self.repository, sha) if run.name == name]
        if not runs:
            if of["state"] == "none":
                return ""
            raise Unexpected(f"expected {of['state']}, found no check at all")
        found = runs[-1]
        if of["state"] == "none" or found.conclusion != CONCLUSIONS[of["state"]]:
            raise Unexpected(f"expected {of['state']}, found {found.conclusion}:\n{found.title}\n{found.summary}")
        return " ".join(unescaped(f"{found.title}\n{found.summary}").split())

    def _bodies(self) -> list[str]:
        return [one.body for one in self.at.comments if one.author.login == "countersign[bot]"]

    def _shown(self) -> str:
        return " ".join(unescaped("\n".join(self._bodies())).split())


def _list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
