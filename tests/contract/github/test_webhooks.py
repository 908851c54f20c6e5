"""What the simulator delivers is what GitHub's description says it delivers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.github.simulator import GitHubSimulator
from integrations.github.simulator.model import CheckRun
from tests.contract.github.description import WEBHOOKS, Contract, load
from tests.github.support import HandClock, Receiver

REPOSITORY = "acme/models"


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(load())


@pytest.fixture
async def bodies(app_key: rsa.RSAPrivateKey) -> AsyncIterator[list[tuple[str, bytes]]]:
    """Every kind of delivery: the name GitHub's description has for it, and the body."""
    async with Receiver() as receiver, GitHubSimulator(clock=HandClock()) as simulator:
        simulator.create_app("countersign", app_key, webhook_url=receiver.url, secret=b"s" * 32)
        for login in ("alice", "bob"):
            simulator.create_user(login)
        simulator.create_repository(REPOSITORY)
        installation = simulator.install_app("countersign", "acme")
        _review(simulator)
        _operate(simulator)
        simulator.create_team("acme", "risk")
        simulator.add_team_member("acme", "risk", "bob", by="alice")
        simulator.remove_team_member("acme", "risk", "bob", by="alice")
        simulator.add_organisation_member("acme", "bob", by="alice")
        simulator.remove_organisation_member("acme", "bob", by="alice")
        simulator.rename_repository(REPOSITORY, "policies", by="alice")
        simulator.suspend_installation(installation.id)
        simulator.unsuspend_installation(installation.id)
        simulator.delete_installation(installation.id)
        await simulator.settle()
        yield [(_name(one.event, json.loads(one.body)), one.body) for one in receiver.got]


def _name(event: str, body: dict[str, object]) -> str:
    action = body.get("action")
    return f"{event}-{action}".replace("_", "-") if action else event


def _review(simulator: GitHubSimulator) -> None:
    simulator.push(REPOSITORY, "work", {"a": b"1", "b": b"1"}, author="alice")
    simulator.push(REPOSITORY, "next", {"n": b"1"}, author="Eve <eve@nowhere.example>", pusher="bob")
    number = simulator.open_pull(REPOSITORY, "work", author="alice", body="Please").number
    simulator.push(REPOSITORY, "work", {"c": b"1"}, author="alice", delete=["b"])
    simulator.force_push(REPOSITORY, "work", "next", pusher="alice")
    simulator.retarget(REPOSITORY, number, "next", by="alice")
    simulator.edit_pull(REPOSITORY, number, by="alice", title="Better")
    simulator.label(REPOSITORY, number, "risk: high", by="alice")
    simulator.unlabel(REPOSITORY, number, "risk: high", by="alice")
    simulator.set_draft(REPOSITORY, number, True, by="alice")
    simulator.set_draft(REPOSITORY, number, False, by="alice")
    simulator.close_pull(REPOSITORY, number, by="alice")
    simulator.reopen_pull(REPOSITORY, number, by="alice")
    review = simulator.review(REPOSITORY, number, by="bob", state="APPROVED", body="Fine")
    simulator.edit_review(REPOSITORY, number, review.id, by="bob", body="Finer")
    simulator.dismiss_review(REPOSITORY, number, review.id, by="alice")
    comment = simulator.comment(REPOSITORY, number, by="bob", body="/approve")
    simulator.edit_comment(REPOSITORY, comment.id, by="alice", body="no")
    simulator.delete_comment(REPOSITORY, comment.id, by="bob")
    simulator.comment(REPOSITORY, number, by="bob", body="through an app", via_app="countersign")
    simulator.merge_pull(REPOSITORY, number, by="bob", method="squash")
    simulator.delete_branch(REPOSITORY, "work", by="alice")


def _operate(simulator: GitHubSimulator) -> None:
    simulator.push(REPOSITORY, "later", {"l": b"1"}, author="alice")
    pull = simulator.open_pull(REPOSITORY, "later", author="alice")
    repository, app = simulator.world.repository(REPOSITORY), simulator.world.apps["countersign"]
    for conclusion in (None, "success"):
        run = CheckRun(
            id=simulator.world.new_id(),
            name="four eyes",
            head_sha=pull.head_sha,
            app=app,
            status="completed" if conclusion else "in_progress",
            conclusion=conclusion,
            external_id="e",
            details_url="https://countersign.example/r/1",
            title="t",
            summary="s",
            text=None,
            started_at=simulator.world.clock(),
            completed_at=simulator.world.clock() if conclusion else None,
            suite_id=1,
        )
        simulator.add_check_run(repository, run)
        simulator.rerequest_check(REPOSITORY, run.id, by="bob")
        simulator.request_action(REPOSITORY, run.id, "approve", by="bob")
    simulator.report_check(REPOSITORY, pull.head_sha, "tests", None)
    simulator.set_status(REPOSITORY, pull.head_sha, "ci/build", "success", by="alice")
    for role in ("write", "admin"):
        simulator.set_role(REPOSITORY, "bob", role, by="alice")
    simulator.remove_role(REPOSITORY, "bob", by="alice")
    run_, deployment = simulator.start_deployment(REPOSITORY, "production", by="alice", ref="later")
    simulator.answer_rule(repository, run_, app, "production", "approved", "ok")
    simulator.finish_deployment(REPOSITORY, deployment.id)
    group = simulator.enqueue(REPOSITORY, [pull.number], by="bob")
    simulator.finish_merge_group(REPOSITORY, group.head_sha, "merged", by="bob")


async def test_every_webhook_is_sent(bodies: list[tuple[str, bytes]]) -> None:
    assert {name for name, _ in bodies} == WEBHOOKS


async def test_every_delivery_is_one_that_github_describes(contract: Contract, bodies: list[tuple[str, bytes]]) -> None:
    problems = {
        f"{name}: {problem}"
        for name, body in bodies
        for problem in contract.problems(contract.description["webhooks"][name], json.loads(body))
    }
    assert sorted(problems) == []


async def test_a_delivery_that_drifts_is_noticed(contract: Contract, bodies: list[tuple[str, bytes]]) -> None:
    for name, body in bodies:
        broken = json.loads(body)
        del broken["sender"]["login"]
        assert contract.problems(contract.description["webhooks"][name], broken), name
