"""Plain pages for a person: what a pull request looks like, with its checks and comments."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from integrations.github.simulator.model import CheckRun, Pull, Repository
from integrations.github.simulator.render import iso
from integrations.github.simulator.wire import Reply

if TYPE_CHECKING:
    from integrations.github.simulator.operating import OperationActions

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;background:#f4f4f4;padding:.8rem;border-radius:.4rem;color:#222}"
    "section{border:1px solid #ccc;border-radius:.4rem;padding:.5rem 1rem;margin:1rem 0}"
    "code{overflow-wrap:anywhere}"
)


class Pages:
    """Pages at ``/``, ``/{owner}/{repo}`` and ``/{owner}/{repo}/pull/{number}``."""

    def __init__(self, stage: OperationActions) -> None:
        self._stage = stage

    def answer(self, raw_path: str) -> Reply | None:
        """None when this address is no page."""
        parts = [part for part in raw_path.split("/") if part]
        world = self._stage.world
        if not parts:
            return _page("Simulated GitHub", self._index())
        repository = world.repositories.get("/".join(parts[:2]).lower())
        if repository is None or parts[0] in ("repos", "users", "orgs", "app"):
            return None
        if len(parts) == 2:
            return _page(repository.full_name, self._pulls(repository))
        if len(parts) == 4 and parts[2] == "pull" and parts[3].isdecimal():
            pull = repository.pulls.get(int(parts[3]))
            if pull is not None:
                return _page(f"{pull.title} #{pull.number}", self._pull(repository, pull))
        return None

    def _index(self) -> str:
        names = [repository.full_name for repository in self._stage.world.repositories.values()]
        items = "".join(f'<li><a href="/{_text(name)}">{_text(name)}</a></li>' for name in names)
        return f"<p>This is a simulator: nothing here is real.</p><ul>{items}</ul>"

    def _pulls(self, repository: Repository) -> str:
        name = _text(repository.full_name)
        items = "".join(
            f'<li><a href="/{name}/pull/{pull.number}">{_text(pull.title)} #{pull.number}</a> ({pull.state})</li>'
            for pull in repository.pulls.values()
        )
        return f"<h2>Pull requests</h2><ul>{items}</ul>"

    def _pull(self, repository: Repository, pull: Pull) -> str:
        state = "merged" if pull.merged_at else "draft" if pull.draft else pull.state
        parts = [
            f"<p>{state}: {_text(pull.author.login)} wants to merge <code>{_text(pull.head_ref)}</code> "
            f"into <code>{_text(pull.base_ref)}</code></p><p>Head <code>{pull.head_sha}</code></p>",
            f"<pre>{_text(pull.body)}</pre>" if pull.body else "",
            "<h2>Checks</h2>",
            *(_check(run) for run in _latest(repository.check_runs.get(pull.head_sha, []))),
            "<h2>Reviews</h2>",
            *(
                _entry(review.author.login, review.submitted_at, f"{review.state} {review.body}")
                for review in pull.reviews
            ),
            "<h2>Comments</h2>",
            *(_entry(one.author.login, one.created_at, one.body, one.id) for one in pull.comments),
        ]
        return "".join(parts)


def _latest(runs: list[CheckRun]) -> list[CheckRun]:
    return list({(run.app.id, run.name): run for run in runs}.values())


def _check(run: CheckRun) -> str:
    link = f'<p><a href="{_text(run.details_url)}">Details</a></p>' if run.details_url else ""
    title = f"{run.name}: {run.conclusion or run.status}"
    return (
        f"<section><h3>{_text(title)}</h3><p>{_text(run.title or '')}</p>"
        f"<pre>{_text(run.summary or '')}</pre>{link}</section>"
    )


def _entry(login: str, at: int, body: str, number: int | None = None) -> str:
    anchor = f' id="issuecomment-{number}"' if number is not None else ""
    return f"<section{anchor}><p><b>{_text(login)}</b> {iso(at)}</p><pre>{_text(body)}</pre></section>"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _page(title: str, content: str) -> Reply:
    document = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style><h1>{_text(title)}</h1>{content}</html>"
    )
    return Reply(200, raw=document.encode(), content_type="text/html; charset=utf-8")
