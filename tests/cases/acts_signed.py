"""Acts with a key of one's own, and the deployment gate's questions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.glass.lapsing import Lapses
from tests.cases.scene import Scene, Step, Unexpected

_RELEASE = text("SELECT id FROM releases WHERE repository_id = :repository AND number = :number ORDER BY path")
REASON = "The desk cannot hedge."


class SignedActs(Scene):
    def _sign(self, value: Any) -> None:
        """An approval."""
        self._signed({"decision": "approve", **self._of(value)})

    def _delegate(self, of: Step) -> None:
        """``to`` somebody, for the ``scope`` release or repository, ``until`` an instant."""
        self._signed({"decision": "delegate", "scope": "release", **of})

    def _except(self, of: Step) -> None:
        """A ``finding`` of the ``type`` may stay because of a ``control``."""
        self._signed({"decision": "except", **of})

    def _break_glass(self, value: Any) -> None:
        for who in value if isinstance(value, list) else [value]:
            self._signed({"decision": "break-glass", "incident": "INC0012345", "reason": REASON, **self._of(who)})

    def _review_glass(self, value: Any) -> None:
        """Of the glass that was used up last."""
        self._signed({"decision": "review", "reason": REASON, "glass": self.glass, **self._of(value)})

    def _signed(self, said: Step) -> None:
        """Signed and sent; with ``refused``, the service has to refuse it with that code."""
        who, refused = said.pop("by"), said.pop("refused", None)
        self._introduce(who, *([said["to"]] if "to" in said else []))
        asked = {"environment": "production"} | {name: self._filled(str(one)).decode() for name, one in said.items()}
        status, found = self.desk.sign(who, self._release(), asked)
        code = found.get("code", "") if status >= 400 else ""
        if code != (refused or ""):
            raise Unexpected(f"expected {refused or 'it to be taken'}, found {status} {found}")

    def _release(self) -> str:
        of = {"repository": self.github.world.repository(self.repository).id, "number": self.at.number}
        row = self.desk.read(lambda tx: tx.first(_RELEASE, **of))
        assert row is not None, "there is no release yet"
        return str(row.id)

    # The gate

    def _deploy(self, value: Any) -> None:
        """A pipeline asks whether the artifact may go to an environment now: from the commit that was merged, from the
        ``head``, or from a ``commit``; with other ``subjects`` (name → SHA-256) or some ``more`` if it says so."""
        of: Step = value if isinstance(value, dict) else {"environment": value or "production"}
        commit = {"head": self.at.head_sha, "main": self._tip()}.get(of.get("commit", ""), self.merged)
        subjects = of.get("subjects", self.subjects) | of.get("more", {})
        question = {
            "environment": of.get("environment", "production"), "repository": self.repository,
            "commit": commit or self.at.head_sha,
            "subjects": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects.items()],
        }  # fmt: skip
        status, self.answer = self.desk.call("POST", "/api/v1/decisions", question)
        if status != 200:
            raise Unexpected(f"expected an answer of the gate, found {status} {self.answer}")

    def _tip(self) -> str:
        return self.github.world.repository(self.repository).branches["main"]

    def _redeem(self, value: Any) -> None:
        """The pipeline uses the answer up; with ``refused``, the service has to refuse that with this code."""
        refused = value.get("refused", "") if isinstance(value, dict) else ""
        decision = self.answer["decision_id"]
        status, found = self.desk.call("POST", f"/api/v1/decisions/{decision}/redemption", {})
        code = found.get("code", "") if status >= 400 else ""
        if code != refused:
            raise Unexpected(f"expected {refused or 'it to be redeemed'}, found {status} {found}")
        self.glass = decision if not code else self.glass

    glass = ""

    def _lapse(self, _: Any) -> None:
        """What the scheduler does every hour about reviews that are owed."""
        service = self.desk.service
        self.desk.run(Lapses(service.database, service.tenants, self.desk.clock, service.runner.wake)())
