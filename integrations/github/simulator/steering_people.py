"""Steering over HTTP: accounts, teams, Apps, installations, repositories and pushes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from integrations.github.simulator.steering import Steering


class _User(msgspec.Struct):
    login: str
    email: str | None = None
    name: str | None = None


class _Team(msgspec.Struct):
    slug: str
    parent: str | None = None
    members: list[str] | None = None


class _Member(msgspec.Struct):
    login: str
    by: str | None = msgspec.field(name="as", default=None)
    pending: bool = False


class _App(msgspec.Struct):
    slug: str
    public_key: str
    secret: str
    webhook_url: str | None = None
    events: list[str] | None = None


class _Webhook(msgspec.Struct):
    webhook_url: str
    secret: str | None = None


class _Installation(msgspec.Struct):
    app: str
    account: str
    repositories: list[str] | None = None


class _Repository(msgspec.Struct):
    name: str
    files: dict[str, str] | None = None
    branch: str = "main"


class _Push(msgspec.Struct):
    by: str = msgspec.field(name="as")
    branch: str
    files: dict[str, str] | None = None
    files_base64: dict[str, str] | None = None
    delete: list[str] | None = None
    author: str | None = None
    committer: str | None = None
    co_authors: list[str] | None = None
    message: str = "Change files"
    start: str | None = None
    merge: str | None = None
    verified: bool = False


class _ForcePush(msgspec.Struct):
    by: str = msgspec.field(name="as")
    branch: str
    commit: str


class _Rename(msgspec.Struct):
    by: str = msgspec.field(name="as")
    name: str


class _Nothing(msgspec.Struct):
    pass


def add_people(steering: Steering) -> None:
    simulator = steering.simulator

    def user(body: _User, values: tuple[str, ...]) -> object:
        return {"id": simulator.create_user(body.login, email=body.email, name=body.name).id}

    def team(body: _Team, values: tuple[str, ...]) -> object:
        made = simulator.create_team(values[0], body.slug, parent=body.parent, members=body.members or ())
        return {"id": made.id}

    def add_member(body: _Member, values: tuple[str, ...]) -> object:
        simulator.add_team_member(values[0], values[1], body.login, by=body.by, pending=body.pending)
        return None

    def remove_member(body: _Member, values: tuple[str, ...]) -> object:
        simulator.remove_team_member(values[0], values[1], body.login, by=body.by)
        return None

    def app(body: _App, values: tuple[str, ...]) -> object:
        made = simulator.create_app(
            body.slug,
            body.public_key.encode(),
            webhook_url=body.webhook_url,
            secret=body.secret.encode(),
            events=body.events,
        )
        return {"id": made.id, "slug": made.slug}

    def webhook(body: _Webhook, values: tuple[str, ...]) -> object:
        app = simulator.world.apps[values[0]]
        app.webhook_url = body.webhook_url
        if body.secret is not None:
            app.secret = body.secret.encode()
        return None

    def install(body: _Installation, values: tuple[str, ...]) -> object:
        return {"id": simulator.install_app(body.app, body.account, body.repositories).id}

    def change_installation(body: _Nothing, values: tuple[str, ...]) -> object:
        changes = {
            "suspend": simulator.suspend_installation,
            "unsuspend": simulator.unsuspend_installation,
            "delete": simulator.delete_installation,
            "revoke-tokens": simulator.revoke_tokens,
        }
        changes[values[1]](int(values[0]))
        return None

    def repository(body: _Repository, values: tuple[str, ...]) -> object:
        files = {path: text.encode() for path, text in (body.files or {}).items()}
        made = simulator.create_repository(body.name, files or None, branch=body.branch)
        return {"id": made.id, "sha": made.branches[body.branch]}

    def push(body: _Push, values: tuple[str, ...]) -> object:
        files = {path: text.encode() for path, text in (body.files or {}).items()}
        files |= {path: base64.b64decode(data) for path, data in (body.files_base64 or {}).items()}
        commit = simulator.push(
            "/".join(values),
            body.branch,
            files,
            author=body.author or body.by,
            pusher=body.by,
            committer=body.committer,
            message=body.message,
            delete=body.delete or (),
            co_authors=body.co_authors or (),
            start=body.start,
            merge=body.merge,
            verified=body.verified,
        )
        return {"sha": commit.sha, "tree": commit.tree}

    def force_push(body: _ForcePush, values: tuple[str, ...]) -> object:
        simulator.force_push("/".join(values), body.branch, body.commit, pusher=body.by)
        return None

    def rename(body: _Rename, values: tuple[str, ...]) -> object:
        simulator.rename_repository("/".join(values), body.name, by=body.by)
        return None

    steering.route("POST", "users", _User, user)
    steering.route("POST", "teams/{org}", _Team, team)
    steering.route("POST", "teams/{org}/{team}/members", _Member, add_member)
    steering.route("POST", "teams/{org}/{team}/members/remove", _Member, remove_member)
    steering.route("POST", "apps", _App, app)
    steering.route("POST", "apps/{slug}/webhook", _Webhook, webhook)
    steering.route("POST", "installations", _Installation, install)
    steering.route("POST", "installations/{id}/{change}", _Nothing, change_installation)
    steering.route("POST", "repositories", _Repository, repository)
    steering.route("POST", "repositories/{owner}/{repo}/pushes", _Push, push)
    steering.route("POST", "repositories/{owner}/{repo}/force-pushes", _ForcePush, force_push)
    steering.route("POST", "repositories/{owner}/{repo}/rename", _Rename, rename)
