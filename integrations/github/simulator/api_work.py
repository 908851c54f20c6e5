"""API of pull requests, comments, checks and workflow runs."""

from __future__ import annotations

from integrations.github.simulator.api import Api, number
from integrations.github.simulator.bodies import CheckRunRequest, CommentRequest, RuleRequest
from integrations.github.simulator.model import CheckRun, Comment, Repository, Run
from integrations.github.simulator.wire import Call, Problem, Reply, paged

COMMITS_SHOWN = 250
FILES_SHOWN = 3000
OUTPUT_LIMIT = 65_535
_PULL = "/repos/{owner}/{repo}/pulls/{number}"
_ISSUE = "/repos/{owner}/{repo}/issues"
_RUN = "/repos/{owner}/{repo}/actions/runs/{run}"


class WorkApi:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._stage = api.stage
        self._world = api.stage.world
        self._render = api.stage.render
        self._pulls = api.stage.pulls
        read = ("pull_requests", "read")
        # GitHub takes either issues or pull_requests for comments on pull requests; the App asks for the latter.
        write = ("pull_requests", "write")
        api.route("GET", "/repos/{owner}/{repo}/pulls", self.list_pulls, read)
        api.route("GET", _PULL, self.pull, read)
        api.route("GET", _PULL + "/commits", self.commits, read)
        api.route("GET", _PULL + "/files", self.files, read)
        api.route("GET", _PULL + "/reviews", self.reviews, read)
        api.route("GET", _PULL + "/reviews/{review}", self.review, read)
        api.route("GET", "/repos/{owner}/{repo}/commits/{sha}/pulls", self.pulls_of_commit, read)
        api.route("GET", _ISSUE + "/{number}/comments", self.comments, read)
        api.route("POST", _ISSUE + "/{number}/comments", self.create_comment, write)
        api.route("GET", _ISSUE + "/comments/{comment}", self.comment, read)
        api.route("PATCH", _ISSUE + "/comments/{comment}", self.edit_comment, write)
        api.route("POST", "/repos/{owner}/{repo}/check-runs", self.create_check, ("checks", "write"))
        api.route("GET", "/repos/{owner}/{repo}/commits/{sha}/check-runs", self.checks, ("checks", "read"))
        api.route("GET", _RUN, self.run, ("actions", "read"))
        api.route("GET", _RUN + "/pending_deployments", self.pending, ("actions", "read"))
        api.route("POST", _RUN + "/deployment_protection_rule", self.answer_rule, ("deployments", "write"))

    def list_pulls(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        state, base = call.query.get("state", "open"), call.query.get("base")
        found = [
            pull
            for pull in reversed(repository.pulls.values())
            if state in ("all", pull.state) and base in (None, pull.base_ref)
        ]
        shown, headers = paged(call, found, self._api.url(call))
        return Reply(200, [self._pulls.simple(repository, pull) for pull in shown], headers)

    def pull(self, call: Call) -> Reply:
        return Reply(200, self._pulls.full(*self._api.pull(call)))

    def commits(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        log = self._world.objects.log(pull.base_sha, pull.head_sha)[:COMMITS_SHOWN]
        shown, headers = paged(call, log, self._api.url(call))
        return Reply(200, [self._render.commit(repository, commit) for commit in shown], headers)

    def files(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        objects = self._world.objects
        common = objects.merge_base(pull.base_sha, pull.head_sha)
        before = objects[common].files if common else {}
        changes = objects.diff(before, objects[pull.head_sha].files)[:FILES_SHOWN]
        shown, headers = paged(call, changes, self._api.url(call))
        return Reply(200, [self._render.file(repository, pull.head_sha, one) for one in shown], headers)

    def reviews(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        shown, headers = paged(call, pull.reviews, self._api.url(call))
        return Reply(200, [self._pulls.review(repository, pull, one) for one in shown], headers)

    def review(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        for review in pull.reviews:
            if review.id == number(call.values[3]):
                return Reply(200, self._pulls.review(repository, pull, review))
        raise Problem(404, "Not Found")

    def pulls_of_commit(self, call: Call) -> Reply:
        """The merged pull request that brought the commit, or the open ones that hold it."""
        repository = self._api.repository(call)
        sha = call.values[2]
        objects = self._world.objects
        if objects.find(sha) is None:
            raise Problem(422, f"No commit found for SHA: {sha}")
        found = [
            pull
            for pull in repository.pulls.values()
            if (pull.merged_at is not None and pull.merge_commit_sha == sha)
            or any(commit.sha == sha for commit in objects.log(pull.base_sha, pull.head_sha))
        ]
        shown, headers = paged(call, found, self._api.url(call))
        return Reply(200, [self._pulls.simple(repository, pull) for pull in shown], headers)

    def comments(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        shown, headers = paged(call, pull.comments, self._api.url(call))
        return Reply(200, [self._pulls.comment(repository, one) for one in shown], headers)

    def create_comment(self, call: Call) -> Reply:
        repository, pull = self._api.pull(call)
        asked = call.read(CommentRequest)
        app = call.installation.app
        made = self._stage.add_comment(repository, pull, app.bot, asked.body, app)
        return Reply(201, self._pulls.comment(repository, made))

    def comment(self, call: Call) -> Reply:
        return Reply(200, self._pulls.comment(*self._comment(call)))

    def edit_comment(self, call: Call) -> Reply:
        repository, comment = self._comment(call)
        asked = call.read(CommentRequest)
        editor = call.installation.app.bot
        edited = self._stage.change_comment(repository, comment, asked.body, editor)
        return Reply(200, self._pulls.comment(repository, edited))

    def _comment(self, call: Call) -> tuple[Repository, Comment]:
        repository = self._api.repository(call)
        comment = repository.comments.get(number(call.values[2]))
        if comment is None:
            raise Problem(404, "Not Found")
        return repository, comment

    def create_check(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        asked = call.read(CheckRunRequest)
        if self._world.objects.find(asked.head_sha) is None:
            raise Problem(422, f"No commit found for SHA: {asked.head_sha}")
        if asked.status == "completed" and asked.conclusion is None:
            raise Problem(422, "Invalid request.\n\nMissing required parameter: conclusion")
        run = self._check_run(call, repository, asked)
        self._stage.add_check_run(repository, run)
        return Reply(201, self._pulls.check_run(repository, run))

    def _check_run(self, call: Call, repository: Repository, asked: CheckRunRequest) -> CheckRun:
        app, output, now = call.installation.app, asked.output, self._world.clock()
        for text in (output.summary, output.text or "") if output else ():
            if len(text.encode()) > OUTPUT_LIMIT:
                raise Problem(422, f"Only {OUTPUT_LIMIT} bytes are allowed in output")
        suite = repository.suites.setdefault((asked.head_sha, app.id), self._world.new_id())
        return CheckRun(
            id=self._world.new_id(),
            name=asked.name,
            head_sha=asked.head_sha,
            app=app,
            status="completed" if asked.conclusion else asked.status,
            conclusion=asked.conclusion,
            external_id=asked.external_id or "",
            details_url=asked.details_url or f"{self._render.base}/apps/{app.slug}",
            title=output.title if output else None,
            summary=output.summary if output else None,
            text=output.text if output else None,
            started_at=now,
            completed_at=now if asked.conclusion else None,
            suite_id=suite,
        )

    def checks(self, call: Call) -> Reply:
        repository = self._api.repository(call)
        sha = repository.branches.get(call.values[2], call.values[2])
        if self._world.objects.find(sha) is None:
            raise Problem(422, f"No commit found for SHA: {sha}")
        name, app = call.query.get("check_name"), call.query.get("app_id")
        found = [
            run
            for run in reversed(repository.check_runs.get(sha, ()))
            if name in (None, run.name) and app in (None, str(run.app.id))
        ]
        if call.query.get("filter", "latest") == "latest":
            found = list({(run.app.id, run.name): run for run in reversed(found)}.values())
        shown, headers = paged(call, found, self._api.url(call))
        runs = [self._pulls.check_run(repository, run) for run in shown]
        return Reply(200, {"total_count": len(found), "check_runs": runs}, headers)

    def run(self, call: Call) -> Reply:
        return Reply(200, self._pulls.run(*self._run(call)))

    def pending(self, call: Call) -> Reply:
        repository, run = self._run(call)
        return Reply(200, [self._pulls.pending(repository, environment) for environment in run.waiting])

    def answer_rule(self, call: Call) -> Reply:
        repository, run = self._run(call)
        asked = call.read(RuleRequest)
        waiting = {name.lower(): name for name in run.waiting}
        environment = waiting.get(asked.environment_name.lower())
        if environment is None:
            raise Problem(422, "There are no pending deployment requests for the environment")
        if asked.state is not None:
            app = call.installation.app
            self._stage.answer_rule(repository, run, app, environment, asked.state, asked.comment)
        return Reply(204)

    def _run(self, call: Call) -> tuple[Repository, Run]:
        repository = self._api.repository(call)
        run = repository.runs.get(number(call.values[2]))
        if run is None:
            raise Problem(404, "Not Found")
        return repository, run
