"""Steering over HTTP: pull requests, comments, reviews, checks, deployments and merge groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from integrations.github.simulator.model import CheckRun
from integrations.github.simulator.render import iso

if TYPE_CHECKING:
    from integrations.github.simulator.server import GitHubSimulator
    from integrations.github.simulator.steering import Steering

Values = tuple[str, ...]


class _By(msgspec.Struct):
    by: str = msgspec.field(name="as")


class _Open(_By):
    head: str
    base: str | None = None
    title: str = "A change"
    body: str = ""
    draft: bool = False


class _Comment(_By):
    body: str
    via_app: str | None = None


class _Review(_By):
    state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED"]
    body: str = ""


class _Edit(_By):
    body: str


class _Merge(_By):
    method: Literal["merge", "squash", "rebase"] = "merge"


class _Retarget(_By):
    base: str


class _Title(_By):
    title: str


class _Action(_By):
    identifier: str


class _Deploy(_By):
    environment: str
    ref: str | None = None
    run_id: int | None = None
    event: str = "push"
    path: str = ".github/workflows/release.yml"


class _Finish(msgspec.Struct):
    state: str = "success"
    by: str | None = msgspec.field(name="as", default=None)


class _Enqueue(_By):
    numbers: list[int]


class _EndGroup(_By):
    reason: Literal["merged", "invalidated", "dequeued"]


class _Nothing(msgspec.Struct):
    pass


def add_work(steering: Steering) -> None:
    _add_pulls(steering)
    _add_conversation(steering)
    _add_operations(steering)


def _add_pulls(steering: Steering) -> None:
    simulator = steering.simulator

    def open_pull(body: _Open, values: Values) -> object:
        pull = simulator.open_pull(
            "/".join(values),
            body.head,
            author=body.by,
            base=body.base,
            title=body.title,
            body=body.body,
            draft=body.draft,
        )
        return {"number": pull.number, "head_sha": pull.head_sha, "base_sha": pull.base_sha}

    def state(body: _Nothing, values: Values) -> object:
        return _pull_state(simulator, *_pull(values))

    def close(body: _By, values: Values) -> None:
        simulator.close_pull(*_pull(values), by=body.by)

    def reopen(body: _By, values: Values) -> None:
        simulator.reopen_pull(*_pull(values), by=body.by)

    def draft(body: _By, values: Values) -> None:
        simulator.set_draft(*_pull(values), True, by=body.by)

    def ready(body: _By, values: Values) -> None:
        simulator.set_draft(*_pull(values), False, by=body.by)

    def merge(body: _Merge, values: Values) -> object:
        return {"sha": simulator.merge_pull(*_pull(values), by=body.by, method=body.method).sha}

    def retarget(body: _Retarget, values: Values) -> None:
        simulator.retarget(*_pull(values), body.base, by=body.by)

    def title(body: _Title, values: Values) -> None:
        simulator.edit_pull(*_pull(values), by=body.by, title=body.title)

    pulls = "pulls/{owner}/{repo}/{number}"
    steering.route("POST", "repositories/{owner}/{repo}/pulls", _Open, open_pull)
    steering.route("GET", pulls, _Nothing, state)
    steering.route("POST", pulls + "/close", _By, close)
    steering.route("POST", pulls + "/reopen", _By, reopen)
    steering.route("POST", pulls + "/draft", _By, draft)
    steering.route("POST", pulls + "/ready", _By, ready)
    steering.route("POST", pulls + "/merge", _Merge, merge)
    steering.route("POST", pulls + "/retarget", _Retarget, retarget)
    steering.route("POST", pulls + "/title", _Title, title)


def _add_conversation(steering: Steering) -> None:
    simulator = steering.simulator

    def comment(body: _Comment, values: Values) -> object:
        made = simulator.comment(*_pull(values), by=body.by, body=body.body, via_app=body.via_app)
        return {"id": made.id}

    def edit_comment(body: _Edit, values: Values) -> object:
        simulator.edit_comment("/".join(values[:2]), int(values[2]), by=body.by, body=body.body)
        return None

    def delete_comment(body: _By, values: Values) -> None:
        simulator.delete_comment("/".join(values[:2]), int(values[2]), by=body.by)

    def review(body: _Review, values: Values) -> object:
        made = simulator.review(*_pull(values), by=body.by, state=body.state, body=body.body)
        return {"id": made.id, "commit_sha": made.commit_sha}

    def dismiss(body: _By, values: Values) -> None:
        simulator.dismiss_review(*_pull(values), int(values[3]), by=body.by)

    def edit_review(body: _Edit, values: Values) -> None:
        simulator.edit_review(*_pull(values), int(values[3]), by=body.by, body=body.body)

    pulls = "pulls/{owner}/{repo}/{number}"
    comments = "repositories/{owner}/{repo}/comments/{id}"
    steering.route("POST", pulls + "/comments", _Comment, comment)
    steering.route("POST", comments + "/edit", _Edit, edit_comment)
    steering.route("POST", comments + "/delete", _By, delete_comment)
    steering.route("POST", pulls + "/reviews", _Review, review)
    steering.route("POST", pulls + "/reviews/{id}/dismiss", _By, dismiss)
    steering.route("POST", pulls + "/reviews/{id}/edit", _Edit, edit_review)


def _add_operations(steering: Steering) -> None:
    simulator = steering.simulator

    def checks(body: _Nothing, values: Values) -> object:
        return [_check(run) for run in simulator.checks("/".join(values[:2]), values[2])]

    def rerequest(body: _By, values: Values) -> None:
        simulator.rerequest_check("/".join(values[:2]), int(values[2]), by=body.by)

    def action(body: _Action, values: Values) -> None:
        name = "/".join(values[:2])
        simulator.request_action(name, int(values[2]), body.identifier, by=body.by)

    def deploy(body: _Deploy, values: Values) -> object:
        run, deployment = simulator.start_deployment(
            "/".join(values),
            body.environment,
            by=body.by,
            ref=body.ref,
            run_id=body.run_id,
            event=body.event,
            path=body.path,
        )
        return {"run_id": run.id, "deployment_id": deployment.id, "sha": run.head_sha}

    def finish(body: _Finish, values: Values) -> None:
        name = "/".join(values[:2])
        simulator.finish_deployment(name, int(values[2]), body.state, by=body.by)

    def run_state(body: _Nothing, values: Values) -> object:
        run = simulator.world.repository("/".join(values[:2])).runs[int(values[2])]
        answers = [{"environment": one.environment, "state": one.state, "comment": one.comment} for one in run.answers]
        return {"waiting": list(run.waiting), "answers": answers, "sha": run.head_sha}

    def enqueue(body: _Enqueue, values: Values) -> object:
        group = simulator.enqueue("/".join(values), body.numbers, by=body.by)
        return {"head_sha": group.head_sha, "head_ref": group.head_ref}

    def end_group(body: _EndGroup, values: Values) -> None:
        name = "/".join(values[:2])
        simulator.finish_merge_group(name, values[2], body.reason, by=body.by)

    base = "repositories/{owner}/{repo}"
    steering.route("GET", base + "/checks/{sha}", _Nothing, checks)
    steering.route("POST", base + "/checks/{id}/rerequest", _By, rerequest)
    steering.route("POST", base + "/checks/{id}/actions", _Action, action)
    steering.route("POST", base + "/deployments", _Deploy, deploy)
    steering.route("POST", base + "/deployments/{id}/status", _Finish, finish)
    steering.route("GET", base + "/runs/{id}", _Nothing, run_state)
    steering.route("POST", base + "/merge-groups", _Enqueue, enqueue)
    steering.route("POST", base + "/merge-groups/{sha}/finish", _EndGroup, end_group)


def _pull(values: Values) -> tuple[str, int]:
    return f"{values[0]}/{values[1]}", int(values[2])


def _pull_state(simulator: GitHubSimulator, name: str, number: int) -> object:
    pull = simulator.pull(name, number)
    return {
        "number": pull.number,
        "state": "merged" if pull.merged_at else pull.state,
        "draft": pull.draft,
        "head_sha": pull.head_sha,
        "base_ref": pull.base_ref,
        "url": simulator.pulls.page(simulator.world.repository(name), number),
        "merge_commit_sha": pull.merge_commit_sha,
        "checks": [_check(run) for run in simulator.checks(name, pull.head_sha)],
        "comments": [
            {"id": one.id, "author": one.author.login, "body": one.body, "created_at": iso(one.created_at)}
            for one in pull.comments
        ],
        "reviews": [
            {"id": one.id, "author": one.author.login, "state": one.state, "commit_sha": one.commit_sha}
            for one in pull.reviews
        ],
    }


def _check(run: CheckRun) -> object:
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "conclusion": run.conclusion,
        "title": run.title,
        "summary": run.summary,
        "external_id": run.external_id,
        "details_url": run.details_url,
    }
