"""GitHub's response objects for pull requests, reviews, comments, checks, runs and deployments."""

from __future__ import annotations

from urllib.parse import quote

from integrations.github.simulator.model import (
    CheckRun,
    Comment,
    Deployment,
    MergeGroup,
    Pull,
    Repository,
    Review,
    Run,
    User,
)
from integrations.github.simulator.render import Json, Render, iso, iso_or_none, node


class PullRender:
    """Makes the objects that belong to a pull request or a commit; ``plain`` makes the rest."""

    def __init__(self, plain: Render) -> None:
        self.plain = plain
        self._known_statistics: dict[tuple[str, str], tuple[int, int]] = {}

    def simple(self, repository: Repository, pull: Pull) -> Json:
        """A pull request as lists show it: without ``merged`` and counts."""
        plain = self.plain
        url = f"{plain.repository_url(repository)}/pulls/{pull.number}"
        issue = f"{plain.repository_url(repository)}/issues/{pull.number}"
        statuses = f"{plain.repository_url(repository)}/statuses/{pull.head_sha}"
        html = self.page(repository, pull.number)
        links = {
            "self": url,
            "html": html,
            "issue": issue,
            "comments": issue + "/comments",
            "review_comments": url + "/comments",
            "review_comment": f"{plain.repository_url(repository)}/pulls/comments{{/number}}",
            "commits": url + "/commits",
            "statuses": statuses,
        }
        head_owner = pull.head_repository.owner if pull.head_repository else None
        return {
            "id": pull.id,
            "node_id": node("P", pull.id),
            "url": url,
            "html_url": html,
            "diff_url": html + ".diff",
            "patch_url": html + ".patch",
            "issue_url": issue,
            "comments_url": issue + "/comments",
            "commits_url": url + "/commits",
            "review_comments_url": url + "/comments",
            "review_comment_url": links["review_comment"],
            "statuses_url": statuses,
            "_links": {name: {"href": href} for name, href in links.items()},
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "body": pull.body or None,
            "user": plain.user(pull.author),
            "labels": [self.label(repository, name) for name in pull.labels],
            "milestone": None,
            "assignee": None,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "created_at": iso(pull.created_at),
            "updated_at": iso(pull.updated_at),
            "closed_at": iso_or_none(pull.closed_at),
            "merged_at": iso_or_none(pull.merged_at),
            "merge_commit_sha": pull.merge_commit_sha,
            "draft": pull.draft,
            "head": {
                "label": f"{head_owner.login if head_owner else 'unknown'}:{pull.head_ref}",
                "ref": pull.head_ref,
                "sha": pull.head_sha,
                "user": plain.user_or_none(head_owner),
                "repo": plain.repository(pull.head_repository) if pull.head_repository else None,
            },
            "base": {
                "label": f"{repository.owner.login}:{pull.base_ref}",
                "ref": pull.base_ref,
                "sha": pull.base_sha,
                "user": plain.user(repository.owner),
                "repo": plain.repository(repository),
            },
            "author_association": "CONTRIBUTOR",
            "auto_merge": None,
            "active_lock_reason": None,
        }

    def label(self, repository: Repository, name: str) -> Json:
        number = repository.labels[name]
        return {
            "id": number,
            "node_id": node("L", number),
            "url": f"{self.plain.repository_url(repository)}/labels/{quote(name)}",
            "name": name,
            "description": "",
            "color": "ededed",
            "default": False,
        }

    def full(self, repository: Repository, pull: Pull) -> Json:
        commits, changed = self._statistics(pull)
        return {
            **self.simple(repository, pull),
            "merged": pull.merged_at is not None,
            "mergeable": True if pull.state == "open" else None,
            "rebaseable": None,
            "mergeable_state": "clean",
            "merged_by": self.plain.user_or_none(pull.merged_by),
            "comments": len(pull.comments),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": commits,
            "additions": changed,
            "deletions": 0,
            "changed_files": changed,
        }

    def minimal(self, repository: Repository, pull: Pull) -> Json:
        """A pull request as checks, runs and protection rules show it."""
        base: Json = {
            "id": repository.id,
            "url": self.plain.repository_url(repository),
            "name": repository.name,
        }
        return {
            "id": pull.id,
            "number": pull.number,
            "url": f"{self.plain.repository_url(repository)}/pulls/{pull.number}",
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": base},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": base},
        }

    def minimal_of_head(self, repository: Repository, sha: str) -> list[Json]:
        return [self.minimal(repository, pull) for pull in _of_head(repository, sha)]

    def full_of_head(self, repository: Repository, sha: str) -> list[Json]:
        return [self.full(repository, pull) for pull in _of_head(repository, sha)]

    def review(self, repository: Repository, pull: Pull, review: Review, *, webhook: bool = False) -> Json:
        """Webhooks write the state in lower case, REST in upper case."""
        html = f"{self.page(repository, pull.number)}#pullrequestreview-{review.id}"
        pull_url = f"{self.plain.repository_url(repository)}/pulls/{pull.number}"
        return {
            "id": review.id,
            "node_id": node("V", review.id),
            "user": self.plain.user(review.author),
            "body": review.body,
            "state": review.state.lower() if webhook else review.state,
            "html_url": html,
            "pull_request_url": pull_url,
            "_links": {"html": {"href": html}, "pull_request": {"href": pull_url}},
            "submitted_at": iso(review.submitted_at),
            "commit_id": review.commit_sha,
            "author_association": "CONTRIBUTOR",
        }

    def comment(self, repository: Repository, comment: Comment) -> Json:
        url = self.plain.repository_url(repository)
        return {
            "id": comment.id,
            "node_id": node("M", comment.id),
            "url": f"{url}/issues/comments/{comment.id}",
            "html_url": f"{self.page(repository, comment.number)}#issuecomment-{comment.id}",
            "issue_url": f"{url}/issues/{comment.number}",
            "body": comment.body,
            "user": self.plain.user(comment.author),
            "created_at": iso(comment.created_at),
            "updated_at": iso(comment.updated_at),
            "author_association": "CONTRIBUTOR",
            "performed_via_github_app": self.plain.app(comment.app) if comment.app else None,
            "reactions": _reactions(f"{url}/issues/comments/{comment.id}"),
        }

    def issue(self, repository: Repository, pull: Pull) -> Json:
        """The issue behind a pull request, as issue_comment events show it."""
        url = f"{self.plain.repository_url(repository)}/issues/{pull.number}"
        html = self.page(repository, pull.number)
        return {
            "id": pull.id + 1_000_000_000,
            "node_id": node("I", pull.id),
            "url": url,
            "repository_url": self.plain.repository_url(repository),
            "labels_url": url + "/labels{/name}",
            "comments_url": url + "/comments",
            "events_url": url + "/events",
            "html_url": html,
            "number": pull.number,
            "title": pull.title,
            "user": self.plain.user(pull.author),
            "labels": [self.label(repository, name) for name in pull.labels],
            "state": pull.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": 0,
            "created_at": iso(pull.created_at),
            "updated_at": iso(pull.updated_at),
            "closed_at": iso_or_none(pull.closed_at),
            "author_association": "CONTRIBUTOR",
            "active_lock_reason": None,
            "draft": pull.draft,
            "body": pull.body or None,
            "reactions": _reactions(url),
            "pull_request": {
                "url": f"{self.plain.repository_url(repository)}/pulls/{pull.number}",
                "html_url": html,
                "diff_url": html + ".diff",
                "patch_url": html + ".patch",
                "merged_at": iso_or_none(pull.merged_at),
            },
        }

    def check_run(self, repository: Repository, run: CheckRun) -> Json:
        url = f"{self.plain.repository_url(repository)}/check-runs/{run.id}"
        return {
            "id": run.id,
            "node_id": node("K", run.id),
            "name": run.name,
            "head_sha": run.head_sha,
            "url": url,
            "html_url": f"{self.plain.base}/{repository.full_name}/runs/{run.id}",
            "details_url": run.details_url,
            "external_id": run.external_id,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": iso(run.started_at),
            "completed_at": iso_or_none(run.completed_at),
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": 0,
                "annotations_url": url + "/annotations",
            },
            "check_suite": {"id": run.suite_id},
            "app": self.plain.app(run.app),
            "pull_requests": self.minimal_of_head(repository, run.head_sha),
        }

    def run(self, repository: Repository, run: Run) -> Json:
        plain = self.plain
        url = f"{plain.repository_url(repository)}/actions/runs/{run.id}"
        commit = plain.world.objects[run.head_sha]
        return {
            "id": run.id,
            "node_id": node("W", run.id),
            "name": run.path,
            "path": run.path,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "run_number": 1,
            "run_attempt": run.attempt,
            "display_title": commit.message.partition("\n")[0],
            "event": run.event,
            "status": "waiting" if run.waiting else run.status,
            "conclusion": None,
            "workflow_id": 1,
            "url": url,
            "html_url": f"{plain.base}/{repository.full_name}/actions/runs/{run.id}",
            "pull_requests": self.minimal_of_head(repository, run.head_sha),
            "created_at": iso(run.created_at),
            "updated_at": iso(run.created_at),
            "run_started_at": iso(run.created_at),
            "actor": plain.user(run.actor),
            "triggering_actor": plain.user(run.triggering_actor),
            "jobs_url": url + "/jobs",
            "logs_url": url + "/logs",
            "check_suite_url": f"{plain.repository_url(repository)}/check-suites/1",
            "artifacts_url": url + "/artifacts",
            "cancel_url": url + "/cancel",
            "rerun_url": url + "/rerun",
            "previous_attempt_url": None,
            "workflow_url": f"{plain.repository_url(repository)}/actions/workflows/1",
            "head_commit": plain.webhook_commit(repository, commit),
            "repository": plain.repository(repository),
            "head_repository": plain.repository(repository),
        }

    def pending(self, repository: Repository, environment: str) -> Json:
        number = repository.environments[environment]
        return {
            "environment": {
                "id": number,
                "node_id": node("E", number),
                "name": environment,
                "url": f"{self.plain.repository_url(repository)}/environments/{environment}",
                "html_url": f"{self.plain.base}/{repository.full_name}/deployments",
            },
            "wait_timer": 0,
            "wait_timer_started_at": None,
            "current_user_can_approve": False,
            "reviewers": [],
        }

    def deployment(self, repository: Repository, deployment: Deployment) -> Json:
        url = f"{self.plain.repository_url(repository)}/deployments/{deployment.id}"
        return {
            "url": url,
            "id": deployment.id,
            "node_id": node("D", deployment.id),
            "sha": deployment.sha,
            "ref": deployment.ref,
            "task": "deploy",
            "payload": {},
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": None,
            "creator": self.plain.user(deployment.creator),
            "created_at": iso(deployment.created_at),
            "updated_at": iso(deployment.updated_at),
            "statuses_url": url + "/statuses",
            "repository_url": self.plain.repository_url(repository),
        }

    def deployment_status(
        self, repository: Repository, deployment: Deployment, number: int, creator: User, at: int
    ) -> Json:
        url = f"{self.plain.repository_url(repository)}/deployments/{deployment.id}"
        return {
            "url": f"{url}/statuses/{number}",
            "id": number,
            "node_id": node("S", number),
            "state": deployment.state,
            "creator": self.plain.user(creator),
            "description": "",
            "environment": deployment.environment,
            "target_url": "",
            "created_at": iso(at),
            "updated_at": iso(at),
            "deployment_url": url,
            "repository_url": self.plain.repository_url(repository),
        }

    def merge_group(self, repository: Repository, group: MergeGroup) -> Json:
        commit = self.plain.world.objects[group.head_sha]
        return {
            "head_sha": group.head_sha,
            "head_ref": group.head_ref,
            "base_sha": group.base_sha,
            "base_ref": group.base_ref,
            "head_commit": self.plain.webhook_commit(repository, commit),
        }

    def page(self, repository: Repository, number: int) -> str:
        return f"{self.plain.base}/{repository.full_name}/pull/{number}"

    def _statistics(self, pull: Pull) -> tuple[int, int]:
        """How many commits and changed files it has."""
        key = (pull.base_sha, pull.head_sha)
        if key not in self._known_statistics:
            objects = self.plain.world.objects
            base = objects.merge_base(*key)
            before = objects[base].files if base else {}
            changed = objects.diff(before, objects[pull.head_sha].files)
            self._known_statistics[key] = (len(objects.log(*key)), len(changed))
        return self._known_statistics[key]


def _of_head(repository: Repository, sha: str) -> list[Pull]:
    """Open pull requests with this head. GitHub never shows those from forks beside a check or a run."""
    return [
        pull
        for pull in repository.pulls.values()
        if pull.head_sha == sha and pull.state == "open" and pull.head_repository is repository
    ]


def _reactions(url: str) -> Json:
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": url + "/reactions", "total_count": 0, **dict.fromkeys(kinds, 0)}
