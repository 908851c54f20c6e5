"""Acts on people, on time, and on what is around the pull request: checks, roles, neighbours and their troubles."""

from __future__ import annotations

import time
from typing import Any

from app.clock import SECOND
from manifests.located_yaml_scalars import parse_duration, parse_instant
from tests.cases.scene import Scene, Step, Unexpected

APPROVAL_DELAY_S = 0.03
"""Longer than ServiceNow takes to ask its approvers."""


class AroundActs(Scene):
    # People

    def _join(self, of: Step) -> None:
        self.github.add_team_member(
            "acme", f"{self.prefix}-{of['team']}", of["who"], by=of.get("by"), pending=of.get("pending", False)
        )

    def _leave(self, of: Step) -> None:
        self.github.remove_team_member("acme", f"{self.prefix}-{of['team']}", of["who"])

    def _remake_team(self, of: Step) -> None:
        """Another team by the same name."""
        self.github.create_team("acme", f"{self.prefix}-{of['name']}", members=of["members"])

    def _employ(self, value: Any) -> None:
        """Into the organisation."""
        of = value if isinstance(value, dict) else {"who": value}
        self.github.add_organisation_member("acme", of["who"], by=of.get("by"))

    def _dismiss_from_work(self, who: str) -> None:
        """Out of the organisation."""
        self.github.remove_organisation_member("acme", who, by="grace")

    def _role(self, of: Step) -> None:
        """What somebody may do in the repository; ``base`` is what a role of the organisation's making comes to."""
        self.github.set_role(self.repository, of["who"], of["role"], by=of.get("by", "grace"), base=of.get("base"))

    def _now_group(self, of: Step) -> None:
        """A group of ServiceNow by the name ``case-N-name``; its members' accounts are linked to them, unless they are
        ``strangers``."""
        servicenow, name = self.desk.world.servicenow, f"{self.prefix}-{of['name']}"
        self._introduce(*of.get("members", ()), *of.get("strangers", ()))
        for who in of.get("members", ()):
            self.desk.link(f"servicenow:{who}.now", who)
        servicenow.add_group(name, [f"{who}.now" for who in (*of.get("members", ()), *of.get("strangers", ()))])

    def _now_leave(self, of: Step) -> None:
        self.desk.world.servicenow.remove_member(f"{self.prefix}-{of['name']}", f"{of['who']}.now")
        self.desk.forget_groups()

    def _idp_group(self, of: Step) -> None:
        """A group of the identity provider by the name ``case-N-name``."""
        self._in_line(of["members"])
        self.desk.world.identity.add_group(f"{self.prefix}-{of['name']}", of["members"])

    def _idp_leave(self, of: Step) -> None:
        self.desk.world.identity.team(f"{self.prefix}-{of['name']}").members.remove(of["who"])
        self.desk.forget_groups()

    def _in_line(self, people: list[str]) -> None:
        """The identity provider's accounts of these people are linked to them."""
        self._introduce(*people)
        for who in people:
            self.desk.link(f"idp:{who}", who)

    # Time

    def _wait(self, span: str) -> None:
        self.desk.pass_time(parse_duration(span) or 0)

    def _until(self, instant: Any) -> None:
        """To an instant that is still to come."""
        found = parse_instant(str(instant))
        assert found is not None, instant
        assert found >= self.desk.now, f"{instant} has passed: a case that moves to a date is played alone"
        self.desk.pass_time((found - self.desk.now) / SECOND)

    # Troubles

    def _lose(self, count: int) -> None:
        self.github.lose_next(count)

    def _double(self, count: int) -> None:
        self.github.double_next(count)

    def _reorder(self, count: int) -> None:
        self.github.reorder_next(count)

    def _refuse(self, of: Step) -> None:
        """From here on GitHub answers calls to ``path`` with ``status``, until ``relent``."""
        path = self._filled(of["path"]).decode()
        self.github.fail_next(of.get("method", "GET"), path, of.get("status", 403), b'{"message":"No"}', times=1000)

    def _relent(self, _: Any) -> None:
        self.github.faults.clear()

    def _sweep(self, _: Any) -> None:
        self.desk.sweep()

    # Other Apps

    def _check(self, of: Step) -> None:
        """A check run of another App at the head; ``conclusion`` null: it has only begun."""
        sha = self.at.head_sha if "head" not in of else self.heads[of["head"]]
        self.github.report_check(
            self.repository, sha, of["name"], of.get("conclusion", "success"), app=of.get("app", "github-actions")
        )

    def _status(self, of: Step) -> None:
        """A commit status at the head."""
        self.github.set_status(
            self.repository, self.at.head_sha, of["name"], of.get("state", "success"), by=of.get("by", "alice")
        )

    # ServiceNow

    def _change(self, of: Step) -> None:
        """Somebody approves (or ``says`` rejected) the change request of this release."""
        time.sleep(APPROVAL_DELAY_S)
        self.desk.settle()
        servicenow, who = self.desk.world.servicenow, of["by"]
        self.desk.link(f"servicenow:{who}")
        mine = [one for one in servicenow.changes() if self.prefix in f"{one.short_description} {one.description}"]
        asking = [one for one in mine if any(row.approver == who and row.state == "requested" for row in one.approvals)]
        if not asking:
            raise Unexpected(f"expected a change request that asks {who}, found {mine}")

        async def decide() -> None:
            servicenow.decide_change(asking[-1].number, who, of.get("says", "approved"))

        self.desk.run(decide())
        time.sleep(APPROVAL_DELAY_S)

    # Costs

    def _count_calls(self, _: Any) -> None:
        """From here on calls to GitHub are counted."""
        self.github.calls.clear()

    def _expect_calls(self, most: int) -> None:
        made = [f"{method} {path} {status}" for method, path, status in self.github.calls]
        if len(made) > most:
            raise Unexpected(f"expected at most {most} calls to GitHub, found {made}")
