"""Merge groups: what a queue is about to merge is judged for what it is, never waved through."""

from __future__ import annotations

from functools import partial

import msgspec

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.effects import store as effects
from app.facts.gather import Gatherer
from app.privacy import names
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.pulls.wishes import check_name
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.repositories.keys import parts
from app.tenants.registry import Tenant, Tenants
from app.work.store import Lease
from gates.glob import matches
from integrations.errors import InDoubtError
from integrations.github.port import CheckRun, GitHub, GitHubApp
from manifests import canonical
from manifests.command import neutralise
from manifests.policy import POLICY_PATH
from manifests.record import Draft, facts

KIND = "group"
MAX_FILES = 300


class MergeGroups:
    """Handles work keys ``group/<repository id>/<head sha>/<base sha>/<base ref>``."""

    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gatherer: Gatherer, clock: Clock
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gatherer = gatherer
        self._clock = clock

    async def __call__(self, lease: Lease) -> int | None:
        repository_id, head, base, base_ref = parts(lease.key)
        repository = await self._database.read(lambda tx: pulls.repository(tx, int(repository_id)))
        tenant = self._tenants.of_installation(repository.installation_id) if repository else None
        if repository is None or tenant is None:
            return None
        base_ref = base_ref.removeprefix("refs/heads/")
        github = self._github.installation(repository.installation_id)
        problems = await self._problems(tenant, github, repository, head, base)
        told = await self._database.read(lambda tx: [names.in_text(tx, tenant.id, one) for one in problems])
        check = self._check(head, base_ref, tuple(told))
        changed = await self._database.write(lambda tx: self._want(tx, tenant, lease.key, check, problems))
        if changed:
            await self._post(github, repository, lease.key, check)
        return None

    async def _problems(
        self, tenant: Tenant, github: GitHub, repository: Repository, head: str, base: str
    ) -> tuple[str, ...]:
        """Why the group may not merge. It holds the pull requests ahead in the queue too; all are judged."""
        files = await github.changed_between(repository.name, base, head)
        if len(files) >= MAX_FILES:
            return (f"The group changes {len(files)} files or more; GitHub hides the rest. Queue fewer at once.",)
        changed = {path for file in files for path in (file.path, file.previous_path) if path}
        problems = []
        for path in sorted(self._manifests(tenant, changed)):
            rows = await self._database.read(
                partial(_at_path, tenant=tenant.id, repository_id=repository.id, path=path)
            )
            revision = await self._gatherer.revision_at(github, repository, path, head)
            if path not in changed and not revision:
                continue
            problem = _problem(path, revision, rows)
            if problem:
                problems.append(problem)
        return tuple(problems)

    def _manifests(self, tenant: Tenant, changed: set[str]) -> set[str]:
        glob = tenant.policy.release_glob
        name = glob.rpartition("/")[2]
        found = {path for path in changed if matches(glob, path) or path == POLICY_PATH}
        for path in changed:
            folder = path
            while "/" in folder:
                folder = folder.rpartition("/")[0]
                if matches(glob, f"{folder}/{name}"):
                    found.add(f"{folder}/{name}")
        return found

    def _check(self, head: str, base_ref: str, problems: tuple[str, ...]) -> CheckRun:
        check = CheckRun(
            name=check_name(base_ref), head_sha=head, conclusion="failure" if problems else "success",
            title=problems[0][:255] if problems else "Everything in this group was approved as it is",
            summary="\n".join(f"- {neutralise(problem)}" for problem in problems) or "Nothing here lacks consent.",
            external_id="",
        )  # fmt: skip
        return msgspec.structs.replace(check, external_id=canonical.digest(check))

    def _want(self, tx: Tx, tenant: Tenant, key: str, check: CheckRun, problems: tuple[str, ...]) -> bool:
        before = effects.get(tx, key)
        if before is not None and before.done == check.external_id:
            return False
        resource = f"group/{check.head_sha}"
        tx.stage(
            tenant.id,
            Draft(
                trace_id=resource, ts=self._clock(), stage="verify", event="verdict.recorded", component="gate",
                action="verify", resource=resource, actor_ref="service:countersign",
                outcome="deny" if problems else "allow",
                data=facts({"head": check.head_sha, "problems": list(problems)}),
            ),
        )  # fmt: skip
        effects.want(tx, key, KIND, check.external_id, msgspec.json.encode(check), resource, self._clock())
        return True

    async def _post(self, github: GitHub, repository: Repository, key: str, check: CheckRun) -> None:
        runs = await github.check_runs(repository.name, check.head_sha, check.name)
        posted = runs[0] if runs and runs[0].external_id == check.external_id else None
        if posted is None:
            try:
                posted = await github.create_check_run(repository.name, check)
            except InDoubtError:
                runs = await github.check_runs(repository.name, check.head_sha, check.name)
                if not runs or runs[0].external_id != check.external_id:
                    raise
                posted = runs[0]
        remote = str(posted.id)
        await self._database.write(lambda tx: effects.delivered(tx, key, check.external_id, remote, self._clock()))


def _problem(path: str, revision: str, rows: tuple[StoredRelease, ...]) -> str:
    """The same content must have been allowed to merge, for every environment: by the pull request that is to be merged
    now, where there is one, and not by another that was merged long ago."""
    same = [row for row in rows if row.revision == revision and revision]
    same = [row for row in same if row.state == "open"] or same
    if not same:
        return f"{path} differs in this group from what was approved. Update the pull request, have it approved."
    for row in same:
        if row.verdicts and all(last.outcome == "allow" for last in row.verdicts.values()):
            return ""
    last = next(iter(same[0].verdicts.values()), None)
    return f"{path}: {last.summary if last else 'not decided yet'} (pull request #{same[0].number})"


def _at_path(tx: Tx, tenant: str, repository_id: int, path: str) -> tuple[StoredRelease, ...]:
    return releases.at_path(tx, tenant, repository_id, path)
