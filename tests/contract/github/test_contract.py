"""Client and simulator are held to GitHub's published OpenAPI description."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import AsyncIterator

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.errors import NotFoundError, RefusedError
from integrations.github.client import RestGitHubApp
from integrations.github.port import CheckRun
from integrations.github.simulator import Exchange, GitHubSimulator
from tests.contract.github.description import OPERATIONS, Contract, Json, load
from tests.github.support import HandClock, Receiver


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(load())


@pytest.fixture
async def exchanges(app_key: rsa.RSAPrivateKey) -> AsyncIterator[list[Exchange]]:
    """Every exchange of a client that uses all it has, and meets refusals too."""
    seen: list[Exchange] = []
    clock = HandClock()
    async with Receiver() as receiver, GitHubSimulator(clock=clock, recorder=seen.append) as simulator:
        app = simulator.create_app("countersign", app_key, webhook_url=receiver.url, secret=b"s" * 32)
        simulator.create_repository("acme/models")
        installation = simulator.install_app("countersign", "acme")
        client = RestGitHubApp(
            str(app.id), app_key, clock=clock, base_url=simulator.base_url, pacing=False, sleep=clock.sleep
        )
        try:
            await _use_everything(simulator, client, installation.id)
            await _meet_refusals(client, installation.id)
            yield seen
        finally:
            await client.close()


async def _use_everything(simulator: GitHubSimulator, client: RestGitHubApp, installation_id: int) -> None:
    for login in ("alice", "bob"):
        simulator.create_user(login)
    simulator.create_team("acme", "risk", members=["alice"])
    simulator.create_team("acme", "risk-child", parent="risk", members=["bob"])
    github = client.installation(installation_id)
    repository = "acme/models"
    files = {"releases/a b/release.yaml": b"hi", "big": b"z" * (1 << 21)}
    head = simulator.push(repository, "feature/x", files, author="alice", verified=True)
    simulator.push(repository, "feature/x", {"y": b"2"}, author="Eve <eve@nowhere.example>", pusher="alice")
    simulator.push(repository, "feature/x", {"z": b"2"}, author="alice", delete=["y"], co_authors=["bob"])
    number = simulator.open_pull(repository, "feature/x", author="alice").number
    review = simulator.review(repository, number, by="bob", state="APPROVED")
    await client.app_id()
    await client.installation_ids()
    await client.repositories(installation_id)
    pull = await github.pull(repository, number)
    await github.open_pulls(repository, "main")
    await github.open_pulls(repository)
    await github.pull_commits(repository, number)
    await github.pull_files(repository, number)
    await github.branch_sha(repository, "feature/x")
    await github.tree_entries(repository, await github.tree_sha(repository, pull.head_sha))
    _others(simulator, repository, number, pull.head_sha)
    await github.other_checks(repository, pull.head_sha)
    await github.collaborators(repository)
    await github.organisation_members("acme")
    await github.file(repository, "releases/a b/release.yaml", pull.head_sha, 100)
    await github.file(repository, "big", pull.head_sha, 1 << 22)
    await github.contains(repository, pull.head_sha, "main")
    await github.changed_between(repository, pull.base_sha, pull.head_sha)
    await github.pulls_of_commit(repository, head.sha)
    await github.reviews(repository, number)
    await github.review(repository, number, review.id)
    comment = await github.create_comment(repository, number, "hello")
    await github.edit_comment(repository, comment.id, "hello again")
    await github.comments(repository, number)
    await github.comment(repository, comment.id)
    await _post_checks(github_of=client, installation_id=installation_id, head=pull.head_sha)
    await github.direct_members(await github.team("acme", "risk"))
    await github.account("alice")
    run, _ = simulator.start_deployment(repository, "production", by="alice", ref="feature/x")
    await github.workflow_run(repository, run.id)
    await github.pending_environments(repository, run.id)
    await github.answer_protection_rule(repository, run.id, "production", "approved", "four eyes")
    simulator.merge_pull(repository, number, by="bob")
    await github.pull(repository, number)
    await github.pulls_of_commit(repository, (await github.pull(repository, number)).merge_commit_sha or "")
    simulator.lose_next()
    simulator.comment(repository, number, by="alice", body="late")
    await simulator.settle()
    for delivery in await client.failed_deliveries(0):
        await client.redeliver(delivery)
    await simulator.settle()


def _others(simulator: GitHubSimulator, repository: str, number: int, head: str) -> None:
    simulator.label(repository, number, "risk: high", by="alice")
    simulator.report_check(repository, head, "tests", None)
    simulator.report_check(repository, head, "tests")
    simulator.set_status(repository, head, "ci/build", "pending", by="alice")
    simulator.set_role(repository, "alice", "admin", by="bob")
    simulator.set_role(repository, "bob", "release-lead", by="alice", base="maintain")


async def _post_checks(github_of: RestGitHubApp, installation_id: int, head: str) -> None:
    github = github_of.installation(installation_id)
    for conclusion in (None, "success", "failure", "action_required"):
        check = CheckRun("four eyes", head, conclusion, "t", "s", "e", "https://countersign.example/r/1")
        await github.create_check_run("acme/models", check)
    await github.check_runs("acme/models", head, "four eyes")


async def _meet_refusals(client: RestGitHubApp, installation_id: int) -> None:
    github = client.installation(installation_id)
    with pytest.raises(NotFoundError):
        await github.pull("acme/models", 404)
    with pytest.raises(NotFoundError):
        await github.team("acme", "nobody")
    with pytest.raises(RefusedError):
        await github.create_check_run("acme/models", CheckRun("n", "0" * 40, None, "t", "s", "e"))
    with pytest.raises(RefusedError):
        await github.create_comment("acme/models", 1, "x" * 65_537)


def _request_problems(contract: Contract, exchange: Exchange) -> list[str]:
    template, operation = contract.operation(exchange.method, exchange.path)
    found: list[str] = []
    known = {one["name"]: one for one in contract.parameters(operation) if one["in"] == "query"}
    for name, value in urllib.parse.parse_qsl(exchange.query):
        if name not in known:
            found.append(f"{template}: query {name} is unknown")
            continue
        schema = known[name]["schema"]
        typed = int(value) if schema.get("type") == "integer" else value
        found += [f"{template}: query {name}: {text}" for text in contract.problems(schema, typed)]
        if name == "per_page" and int(value) > 100:
            found.append(f"{template}: per_page is at most 100, found {value}")
    return found + _body_problems(contract, template, operation, exchange)


def _body_problems(contract: Contract, template: str, operation: Json, exchange: Exchange) -> list[str]:
    if "requestBody" not in operation:
        return [f"{template}: takes no body"] if exchange.body else []
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = json.loads(exchange.body or b"{}")
    unknown = set(body) - _properties(contract, schema)
    return [f"{template}: body: {text}" for text in contract.problems(schema, body)] + [
        f"{template}: body has an unknown {name}" for name in sorted(unknown)
    ]


def _properties(contract: Contract, schema: Json) -> set[str]:
    schema = contract.resolved(schema)
    names = set(schema.get("properties", ()))
    for combined in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(combined, ()):
            names |= _properties(contract, part)
    return names


def _answer_problems(contract: Contract, exchange: Exchange) -> list[str]:
    template, operation = contract.operation(exchange.method, exchange.path)
    if exchange.status >= 400:
        return _error_problems(contract, template, exchange)
    answer = operation["responses"].get(str(exchange.status))
    if answer is None:
        return [f"{template}: {exchange.status} is not among {sorted(operation['responses'])}"]
    content = contract.resolved(answer).get("content", {})
    if ".raw" in exchange.answer_type or not content:
        return []
    schema = content["application/json"]["schema"]
    return [f"{template}: {text}" for text in contract.problems(schema, json.loads(exchange.answer))]


def _error_problems(contract: Contract, template: str, exchange: Exchange) -> list[str]:
    body = json.loads(exchange.answer)
    name = "validation-error-simple" if "errors" in body else "basic-error"
    schema = {"$ref": f"#/components/schemas/{name}"}
    return [f"{template} {exchange.status}: {text}" for text in contract.problems(schema, body)]


async def test_every_operation_of_the_client_is_used(contract: Contract, exchanges: list[Exchange]) -> None:
    used = set()
    for exchange in exchanges:
        template, _ = contract.operation(exchange.method, exchange.path)
        used.add((exchange.method.lower(), template))
    assert used == OPERATIONS


async def test_every_request_is_one_that_github_describes(contract: Contract, exchanges: list[Exchange]) -> None:
    assert [problem for exchange in exchanges for problem in _request_problems(contract, exchange)] == []


async def test_every_answer_is_one_that_github_would_give(contract: Contract, exchanges: list[Exchange]) -> None:
    problems = [problem for exchange in exchanges for problem in _answer_problems(contract, exchange)]
    assert sorted(set(problems)) == []


async def test_every_request_carries_the_pinned_version(exchanges: list[Exchange]) -> None:
    assert {exchange.headers.get("x-github-api-version") for exchange in exchanges} == {"2022-11-28"}
    assert {exchange.headers.get("user-agent") for exchange in exchanges} == {"countersign"}


BROKEN = [
    ("POST /repos/acme/models/check-runs", rb'"name":"four eyes",', b"", "request"),
    ("POST /repos/acme/models/check-runs", rb'"conclusion":"success"', b'"conclusion":"fine"', "request"),
    ("POST /repos/acme/models/check-runs", rb'"external_id"', b'"externalid"', "request"),
    ("GET /repos/acme/models/pulls/1", rb'"merge_commit_sha":"[0-9a-f]*",', b"", "answer"),
    ("GET /repos/acme/models/pulls/1", rb'"state":"open"', b'"state":"merged"', "answer"),
    ("GET /app", rb'"created_at":"', b'"created_at":"yesterday', "answer"),
    ("GET /users/alice", rb'"id":\d+', b'"id":"one"', "answer"),
]


@pytest.mark.parametrize(("call", "pattern", "replacement", "side"), BROKEN)
async def test_a_drift_from_the_description_is_noticed(
    contract: Contract, exchanges: list[Exchange], call: str, pattern: bytes, replacement: bytes, side: str
) -> None:
    found = []
    for exchange in exchanges:
        if f"{exchange.method} {exchange.path}" != call or exchange.status >= 400:
            continue
        broken = msgspec.structs.replace(
            exchange,
            body=re.sub(pattern, replacement, exchange.body),
            answer=re.sub(pattern, replacement, exchange.answer),
        )
        check = _request_problems if side == "request" else _answer_problems
        found += check(contract, broken)
    assert found


def test_an_unknown_address_is_noticed(contract: Contract) -> None:
    with pytest.raises(LookupError):
        contract.operation("GET", "/repos/acme/models/pulz/1")
