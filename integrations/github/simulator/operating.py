"""Steering: checks, workflow runs, deployments and the merge queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from integrations.github.simulator.model import (
    App,
    CheckRun,
    Deployment,
    MergeGroup,
    ProtectionAnswer,
    Repository,
    Run,
    User,
)
from integrations.github.simulator.people import PeopleActions
from integrations.github.simulator.render import Json
from integrations.github.simulator.reviewing import ReviewActions
from integrations.github.simulator.stage import WEB_FLOW
from integrations.github.simulator.world import UnknownNameError


class OperationActions(ReviewActions, PeopleActions):
    """Everything that machines do on a repository."""

    def add_check_run(self, repository: Repository, run: CheckRun) -> None:
        repository.check_runs.setdefault(run.head_sha, []).append(run)
        repository.check_runs_by_id[run.id] = run
        self.check_event("created", repository, run, run.app.bot)
        if run.conclusion is not None:
            self.check_event("completed", repository, run, run.app.bot)

    def finish_check(self, full_name: str, check_run_id: int, conclusion: str) -> None:
        """A run that had only begun is done, or one that was done says something else."""
        repository, run = self._check_run(full_name, check_run_id)
        run.status, run.conclusion, run.completed_at = "completed", conclusion, self.world.clock()
        self.check_event("completed", repository, run, run.app.bot)

    def check_event(
        self, action: str, repository: Repository, run: CheckRun, sender: User, extra: Json | None = None
    ) -> None:
        """Every App hears of what a run says; of what is asked of it, only its own."""
        fields: Json = {"check_run": self.pulls.check_run(repository, run), **(extra or {})}
        only = None if action in ("created", "completed") else run.app
        self.emit("check_run", action, repository, sender, fields, only)

    def rerequest_check(self, full_name: str, check_run_id: int, *, by: str) -> None:
        """Someone pressed Re-run. The run itself stays as it is: that is for the App to change."""
        repository, run = self._check_run(full_name, check_run_id)
        self.check_event("rerequested", repository, run, self.world.user(by))

    def request_action(self, full_name: str, check_run_id: int, identifier: str, *, by: str) -> None:
        """Someone pressed a button of the check run."""
        repository, run = self._check_run(full_name, check_run_id)
        extra: Json = {"requested_action": {"identifier": identifier}}
        self.check_event("requested_action", repository, run, self.world.user(by), extra)

    def checks(self, full_name: str, sha: str) -> list[CheckRun]:
        """Oldest first."""
        return list(self.world.repository(full_name).check_runs.get(sha, ()))

    def start_deployment(
        self,
        full_name: str,
        environment: str,
        *,
        by: str,
        ref: str | None = None,
        run_id: int | None = None,
        event: str = "push",
        path: str = ".github/workflows/release.yml",
    ) -> tuple[Run, Deployment]:
        """A run reaches a job with an environment whose protection rule is the App."""
        repository = self.world.repository(full_name)
        actor = self.world.user(by)
        branch = ref or repository.default_branch
        commit = self.world.resolve(repository, branch)
        if commit is None:
            raise UnknownNameError(f"there is no branch or commit {branch} in {full_name}")
        now = self.world.clock()
        repository.environments.setdefault(environment, self.world.new_id())
        run = repository.runs.get(run_id) if run_id is not None else None
        if run is None:
            run = Run(self.world.new_id(), path, event, branch, commit.sha, actor, actor, now)
            repository.runs[run.id] = run
        deployment = Deployment(self.world.new_id(), run.head_sha, branch, environment, actor, now, now)
        repository.deployments[deployment.id] = deployment
        run.waiting[environment] = deployment
        self._ask_rule(repository, run, deployment, actor)
        return run, deployment

    def _ask_rule(self, repository: Repository, run: Run, deployment: Deployment, sender: User) -> None:
        url = f"{self.render.repository_url(repository)}/actions/runs/{run.id}/deployment_protection_rule"
        fields: Json = {
            "environment": deployment.environment,
            "event": run.event,
            "sha": run.head_sha,
            "ref": deployment.ref,
            "deployment_callback_url": url,
            "deployment": self.pulls.deployment(repository, deployment),
            "pull_requests": self.pulls.full_of_head(repository, run.head_sha),
        }
        self.emit("deployment_protection_rule", "requested", repository, sender, fields)

    def ask_again(self, full_name: str, run_id: int, environment: str, *, by: str) -> None:
        """The same question once more, as after a re-run."""
        repository = self.world.repository(full_name)
        run = repository.runs[run_id]
        self._ask_rule(repository, run, run.waiting[environment], self.world.user(by))

    def answer_rule(
        self, repository: Repository, run: Run, app: App, environment: str, state: str, comment: str
    ) -> None:
        """What the App's answer does: the job goes on, or fails."""
        run.answers.append(ProtectionAnswer(environment, state, comment, app))
        deployment = run.waiting.pop(environment)
        outcome = "in_progress" if state == "approved" else "failure"
        self._deployment_status(repository, deployment, outcome, run.actor)

    def finish_deployment(
        self, full_name: str, deployment_id: int, state: str = "success", *, by: str | None = None
    ) -> None:
        repository = self.world.repository(full_name)
        deployment = repository.deployments.get(deployment_id)
        if deployment is None:
            raise UnknownNameError(f"there is no deployment {deployment_id} in {full_name}")
        self._deployment_status(repository, deployment, state, self.world.user(by) if by else deployment.creator)

    def _deployment_status(self, repository: Repository, deployment: Deployment, state: str, creator: User) -> None:
        now = self.world.clock()
        deployment.state, deployment.updated_at = state, now
        status = self.pulls.deployment_status(repository, deployment, self.world.new_id(), creator, now)
        fields: Json = {
            "deployment_status": status,
            "deployment": self.pulls.deployment(repository, deployment),
        }
        self.emit("deployment_status", "created", repository, creator, fields)

    def enqueue(self, full_name: str, numbers: Iterable[int], *, by: str) -> MergeGroup:
        """A merge group of these pull requests, in their order, on top of the base."""
        repository = self.world.repository(full_name)
        pulls = [repository.pulls[number] for number in numbers]
        base_ref = pulls[0].base_ref
        base = tip = self.world.tip(repository, base_ref)
        web = self.world.identity(WEB_FLOW)
        for pull in pulls:
            head = self.world.objects[pull.head_sha]
            tip = self.world.objects.commit(
                self.merged_files(tip, head),
                (tip.sha, head.sha),
                web,
                web,
                f"Merge pull request #{pull.number}",
                self.world.clock(),
            )
        name = f"gh-readonly-queue/{base_ref}/pr-{pulls[-1].number}-{base.sha}"
        group = MergeGroup(
            tip.sha,
            f"refs/heads/{name}",
            base.sha,
            f"refs/heads/{base_ref}",
            tuple(pull.number for pull in pulls),
        )
        repository.branches[name] = tip.sha
        repository.merge_groups[tip.sha] = group
        self._group_event("checks_requested", repository, group, self.world.user(by))
        return group

    def finish_merge_group(
        self,
        full_name: str,
        head_sha: str,
        reason: Literal["merged", "invalidated", "dequeued"],
        *,
        by: str,
    ) -> None:
        repository = self.world.repository(full_name)
        group = repository.merge_groups.pop(head_sha)
        sender = self.world.user(by)
        del repository.branches[group.head_ref.removeprefix("refs/heads/")]
        self._group_event("destroyed", repository, group, sender, {"reason": reason})
        if reason == "merged":
            for number in group.numbers:
                self.mark_merged(repository, repository.pulls[number], group.head_sha, sender)
            self.update_branch(repository, group.base_ref.removeprefix("refs/heads/"), head_sha, sender)

    def _group_event(
        self,
        action: str,
        repository: Repository,
        group: MergeGroup,
        sender: User,
        extra: Json | None = None,
    ) -> None:
        fields: Json = {"merge_group": self.pulls.merge_group(repository, group), **(extra or {})}
        self.emit("merge_group", action, repository, sender, fields)

    def _check_run(self, full_name: str, check_run_id: int) -> tuple[Repository, CheckRun]:
        repository = self.world.repository(full_name)
        run = repository.check_runs_by_id.get(check_run_id)
        if run is None:
            raise UnknownNameError(f"there is no check run {check_run_id} in {full_name}")
        return repository, run
