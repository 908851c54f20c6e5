"""One installation of the App on one account: the port ``GitHub`` over REST."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from integrations.errors import NeighbourError, NotFoundError
from integrations.github import parse, parse_lists
from integrations.github.channel import Channel, names, nothing
from integrations.github.contents import read_file
from integrations.github.port import (
    Account,
    ChangedFile,
    CheckRun,
    Collaborator,
    Comment,
    Commit,
    OtherCheck,
    Pull,
    Review,
    Team,
    TreeEntry,
    WorkflowRun,
)
from integrations.github.writes import CommentBody, ProtectionRuleBody, check_run_body

# GitHub: "lists a maximum of 250 commits for a pull request", 3,000 files, 300 files of a comparison.
COMMITS_SHOWN = 250
FILES_SHOWN = 3000
COMPARED_FILES_SHOWN = 300

_pull = msgspec.json.Decoder(parse.RestPull).decode
_pulls = msgspec.json.Decoder(list[parse.RestPull]).decode
_commits = msgspec.json.Decoder(list[parse.RestCommit]).decode
_files = msgspec.json.Decoder(list[parse.RestFile]).decode
_ref = msgspec.json.Decoder(parse.RestRef).decode
_git_commit = msgspec.json.Decoder(parse.RestGitCommit).decode
_compare = msgspec.json.Decoder(parse.RestCompare).decode
_review = msgspec.json.Decoder(parse.RestReview).decode
_reviews = msgspec.json.Decoder(list[parse.RestReview]).decode
_comment = msgspec.json.Decoder(parse.RestComment).decode
_comments = msgspec.json.Decoder(list[parse.RestComment]).decode
_check_run = msgspec.json.Decoder(parse.RestCheckRun).decode
_check_runs = msgspec.json.Decoder(parse.CheckRuns)
_team = msgspec.json.Decoder(parse.RestTeam).decode
_teams = msgspec.json.Decoder(list[parse.TeamInList]).decode
_account = msgspec.json.Decoder(Account).decode
_accounts = msgspec.json.Decoder(list[Account]).decode
_run = msgspec.json.Decoder(parse.RestRun).decode
_pending = msgspec.json.Decoder(list[parse.PendingDeployment]).decode
_tree = msgspec.json.Decoder(parse_lists.RestTree).decode
_other_runs = msgspec.json.Decoder(parse_lists.RestOtherRuns)
_statuses = msgspec.json.Decoder(parse_lists.RestStatuses)
_collaborators = msgspec.json.Decoder(list[parse_lists.RestCollaborator]).decode

_REPO = "/repos/{owner}/{repo}"
_PAGED = "{?per_page,page}"


def _read_check_runs(body: bytes) -> list[parse.RestCheckRun]:
    return _check_runs.decode(body).check_runs


def _read_other_runs(body: bytes) -> list[parse_lists.RestOtherRun]:
    return _other_runs.decode(body).check_runs


def _read_statuses(body: bytes) -> list[parse_lists.RestStatus]:
    return _statuses.decode(body).statuses


class RestGitHub:
    """The port ``GitHub``. ``app_id`` gives the App's number, by which check runs are known as our own."""

    def __init__(self, channel: Channel, app_id: Callable[[], Awaitable[int]]) -> None:
        self._channel = channel
        self._app_id = app_id

    async def pull(self, repository: str, number: int) -> Pull:
        url_vars = {**names(repository), "number": str(number)}
        return (await self._channel.get(_REPO + "/pulls/{number}", url_vars, _pull)).read()

    async def open_pulls(self, repository: str, base_ref: str | None = None) -> tuple[Pull, ...]:
        url_vars = {**names(repository), "state": "open", "base": base_ref or []}
        url = _REPO + "/pulls{?state,base,per_page,page}"
        return tuple(pull.read() for pull in await self._channel.pages(url, url_vars, _pulls))

    async def pull_commits(self, repository: str, number: int) -> tuple[Commit, ...]:
        url_vars = {**names(repository), "number": str(number)}
        url = _REPO + "/pulls/{number}/commits" + _PAGED
        commits = await self._channel.pages(url, url_vars, _commits)
        _all_shown(len(commits), COMMITS_SHOWN, f"commits of pull request {number}")
        return tuple(commit.read() for commit in commits)

    async def pull_files(self, repository: str, number: int) -> tuple[ChangedFile, ...]:
        url_vars = {**names(repository), "number": str(number)}
        url = _REPO + "/pulls/{number}/files" + _PAGED
        files = await self._channel.pages(url, url_vars, _files)
        _all_shown(len(files), FILES_SHOWN, f"files of pull request {number}")
        return tuple(file.read() for file in files)

    async def branch_sha(self, repository: str, ref: str) -> str:
        full = "refs/heads/" + ref.removeprefix("refs/heads/")
        url_vars = {**names(repository), "ref": full.split("/")[1:]}
        found = await self._channel.get(_REPO + "/git/ref{/ref*}", url_vars, _ref)
        if found.ref != full or found.object.type != "commit":
            raise NotFoundError(f"expected the branch {full}, found {found.ref} ({found.object.type})")
        return found.object.sha

    async def tree_sha(self, repository: str, commit: str) -> str:
        url_vars = {**names(repository), "sha": commit}
        found = await self._channel.get(_REPO + "/git/commits/{sha}", url_vars, _git_commit)
        return found.tree.sha

    async def tree_entries(self, repository: str, tree: str) -> tuple[TreeEntry, ...] | None:
        url_vars = {**names(repository), "tree": tree, "recursive": "1"}
        return (await self._channel.get(_REPO + "/git/trees/{tree}{?recursive}", url_vars, _tree)).read()

    async def file(self, repository: str, path: str, commit: str, limit: int) -> bytes:
        return await read_file(self._channel, repository, path, commit, limit)

    async def contains(self, repository: str, commit: str, ref: str) -> bool:
        """Asks with the branch's commit, not its name: a tag of the same name cannot stand in for it."""
        tip = await self.branch_sha(repository, ref)
        if tip == commit:
            return True
        return (await self._compared(repository, tip, commit)).status in ("behind", "identical")

    async def changed_between(self, repository: str, base: str, head: str) -> tuple[ChangedFile, ...]:
        """What ``head`` changed since it left ``base`` (from their merge base, as GitHub compares).

        NeighbourError from 300 files on: GitHub shows no more.
        """
        files = (await self._compared(repository, base, head)).files
        _all_shown(len(files), COMPARED_FILES_SHOWN, "files of a comparison")
        return tuple(file.read() for file in files)

    async def _compared(self, repository: str, base: str, head: str) -> parse.RestCompare:
        url_vars = {**names(repository), "base": base, "head": head, "per_page": "1"}
        return await self._channel.get(_REPO + "/compare/{base}...{head}{?per_page}", url_vars, _compare)

    async def pulls_of_commit(self, repository: str, commit: str) -> tuple[Pull, ...]:
        url_vars = {**names(repository), "sha": commit}
        url = _REPO + "/commits/{sha}/pulls" + _PAGED
        return tuple(pull.read() for pull in await self._channel.pages(url, url_vars, _pulls))

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """Oldest first; ``state`` in lower case."""
        url_vars = {**names(repository), "number": str(number)}
        url = _REPO + "/pulls/{number}/reviews" + _PAGED
        return tuple(review.read() for review in await self._channel.pages(url, url_vars, _reviews))

    async def review(self, repository: str, number: int, review_id: int) -> Review:
        url_vars = {**names(repository), "number": str(number), "review": str(review_id)}
        return (await self._channel.get(_REPO + "/pulls/{number}/reviews/{review}", url_vars, _review)).read()

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        url_vars = {**names(repository), "number": str(number)}
        url = _REPO + "/issues/{number}/comments" + _PAGED
        return tuple(comment.read() for comment in await self._channel.pages(url, url_vars, _comments))

    async def comment(self, repository: str, comment_id: int) -> Comment:
        url_vars = {**names(repository), "comment": str(comment_id)}
        return (await self._channel.get(_REPO + "/issues/comments/{comment}", url_vars, _comment)).read()

    async def create_comment(self, repository: str, number: int, body: str) -> Comment:
        url_vars = {**names(repository), "number": str(number)}
        url = _REPO + "/issues/{number}/comments"
        return (await self._channel.write("POST", url, url_vars, CommentBody(body), _comment)).read()

    async def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment:
        url_vars = {**names(repository), "comment": str(comment_id)}
        url = _REPO + "/issues/comments/{comment}"
        return (await self._channel.write("PATCH", url, url_vars, CommentBody(body), _comment)).read()

    async def create_check_run(self, repository: str, check: CheckRun) -> CheckRun:
        url = _REPO + "/check-runs"
        body = check_run_body(check)
        made = await self._channel.write("POST", url, names(repository), body, _check_run)
        return msgspec.structs.replace(check, id=made.id)

    async def check_runs(self, repository: str, commit: str, name: str) -> tuple[CheckRun, ...]:
        url_vars = {
            **names(repository),
            "sha": commit,
            "check_name": name,
            "app_id": str(await self._app_id()),
            "filter": "all",
        }
        url = _REPO + "/commits/{sha}/check-runs{?check_name,app_id,filter,per_page,page}"
        runs = await self._channel.pages(url, url_vars, _read_check_runs)
        newest_first = sorted(runs, key=lambda run: run.id, reverse=True)
        return tuple(run for run in map(parse.RestCheckRun.read, newest_first) if run is not None)

    async def other_checks(self, repository: str, commit: str) -> tuple[OtherCheck, ...]:
        url_vars = {**names(repository), "sha": commit}
        runs = _REPO + "/commits/{sha}/check-runs{?filter,per_page,page}"
        found, statuses, own = await asyncio.gather(
            self._channel.pages(runs, {**url_vars, "filter": "latest"}, _read_other_runs),
            self._channel.pages(_REPO + "/commits/{sha}/status" + _PAGED, url_vars, _read_statuses),
            self._app_id(),
        )
        return parse_lists.read_checks(found, statuses, own)

    async def team(self, organisation: str, slug: str) -> Team:
        url_vars = {"org": organisation, "slug": slug}
        return (await self._channel.get("/orgs/{org}/teams/{slug}", url_vars, _team)).read()

    async def direct_members(self, team: Team) -> tuple[Account, ...]:
        now, everyone, children = await asyncio.gather(
            self.team(team.organisation, team.slug),
            self._members(team.organisation, team.slug),
            self._children(team.organisation, team.slug),
        )
        if now.id != team.id:
            raise NotFoundError(f"expected team {team.id} at {team.slug}, found {now.id}: it was renamed")
        lower = await asyncio.gather(*(self._members(team.organisation, child.slug) for child in children))
        indirect = {member.id for members in lower for member in members}
        return tuple(member for member in everyone if member.id not in indirect)

    async def _members(self, organisation: str, slug: str) -> list[Account]:
        url_vars = {"org": organisation, "slug": slug}
        return await self._channel.pages("/orgs/{org}/teams/{slug}/members" + _PAGED, url_vars, _accounts)

    async def _children(self, organisation: str, slug: str) -> list[parse.TeamInList]:
        url_vars = {"org": organisation, "slug": slug}
        return await self._channel.pages("/orgs/{org}/teams/{slug}/teams" + _PAGED, url_vars, _teams)

    async def organisation_members(self, organisation: str) -> tuple[Account, ...]:
        url_vars: dict[str, str | list[str]] = {"org": organisation, "role": "all"}
        return tuple(await self._channel.pages("/orgs/{org}/members{?role,per_page,page}", url_vars, _accounts))

    async def collaborators(self, repository: str) -> tuple[Collaborator, ...]:
        url = _REPO + "/collaborators" + _PAGED
        return tuple(one.read() for one in await self._channel.pages(url, names(repository), _collaborators))

    async def account(self, login: str) -> Account:
        return await self._channel.get("/users/{login}", {"login": login}, _account)

    async def workflow_run(self, repository: str, run_id: int) -> WorkflowRun:
        url_vars = {**names(repository), "run": str(run_id)}
        return (await self._channel.get(_REPO + "/actions/runs/{run}", url_vars, _run)).read()

    async def answer_protection_rule(
        self,
        repository: str,
        run_id: int,
        environment: str,
        state: Literal["approved", "rejected"],
        comment: str,
    ) -> None:
        url_vars = {**names(repository), "run": str(run_id)}
        body = ProtectionRuleBody(environment, state, comment)
        url = _REPO + "/actions/runs/{run}/deployment_protection_rule"
        await self._channel.write("POST", url, url_vars, body, nothing)

    async def pending_environments(self, repository: str, run_id: int) -> Sequence[str]:
        url_vars = {**names(repository), "run": str(run_id)}
        url = _REPO + "/actions/runs/{run}/pending_deployments"
        return tuple(pending.environment.name for pending in await self._channel.get(url, url_vars, _pending))


def _all_shown(count: int, limit: int, what: str) -> None:
    if count >= limit:
        raise NeighbourError(f"expected fewer than {limit} {what}, GitHub's limit, found {count}: some may hide")
