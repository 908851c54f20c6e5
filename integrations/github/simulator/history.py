"""Steering: repositories, branches and pushes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from integrations.github.simulator.model import Pull, Repository, User
from integrations.github.simulator.objects import StoredCommit
from integrations.github.simulator.render import Json
from integrations.github.simulator.stage import WEB_FLOW, Stage
from integrations.github.simulator.world import UnknownNameError

NO_COMMIT = "0" * 40


class HistoryActions(Stage):
    """Everything that ``git push`` can do."""

    def create_repository(
        self, full_name: str, files: Mapping[str, bytes] | None = None, *, branch: str = "main"
    ) -> Repository:
        """A repository with one commit by its owner."""
        owner, _, name = full_name.partition("/")
        account = self.create_organisation(owner)
        repository = Repository(self.world.new_id(), account, name, branch, self.world.clock())
        identity = self.world.identity(owner)
        first = self.world.objects.commit(
            files or {"README.md": b"# " + name.encode() + b"\n"},
            (),
            identity,
            identity,
            "Initial commit",
            self.world.clock(),
        )
        repository.branches[branch] = first.sha
        self.world.repositories[full_name.lower()] = repository
        return repository

    def fork(self, full_name: str, by: str) -> Repository:
        parent = self.world.repository(full_name)
        owner = self.create_user(by)
        fork = Repository(self.world.new_id(), owner, parent.name, parent.default_branch, self.world.clock(), parent)
        fork.branches = dict(parent.branches)
        self.world.repositories[fork.full_name.lower()] = fork
        return fork

    def rename_repository(self, full_name: str, name: str, *, by: str) -> Repository:
        repository = self.world.repositories.pop(full_name.lower())
        old, repository.name = repository.name, name
        self.world.repositories[repository.full_name.lower()] = repository
        self.world.moved[full_name.lower()] = repository
        changes = {"repository": {"name": {"from": old}}}
        self.emit("repository", "renamed", repository, self.world.user(by), {"changes": changes})
        return repository

    def push(
        self,
        full_name: str,
        branch: str,
        files: Mapping[str, bytes] | None = None,
        *,
        author: str,
        pusher: str | None = None,
        committer: str | None = None,
        message: str = "Change files",
        delete: Iterable[str] = (),
        co_authors: Iterable[str] = (),
        start: str | None = None,
        merge: str | None = None,
        verified: bool = False,
    ) -> StoredCommit:
        """One commit on a branch, made from ``start`` (default: the default branch) when it is new.

        ``author`` and ``committer`` are accounts or anything that Git accepts, ``Eve <eve@nowhere.example>``;
        ``pusher`` is the account that pushes. ``merge`` names a second parent by branch or commit.
        """
        repository = self.world.repository(full_name)
        parent = self._start(repository, branch, start)
        tree = {**parent.files, **(files or {})}
        parents = [parent.sha]
        if merge is not None:
            other = self._commit(repository, merge)
            tree = {**tree, **other.files, **(files or {})}
            parents.append(other.sha)
        for path in delete:
            del tree[path]
        trailers = [self.world.identity(who) for who in co_authors]
        text = message + "".join(
            ("\n\n" if place == 0 else "\n") + f"Co-authored-by: {one.name} <{one.email}>"
            for place, one in enumerate(trailers)
        )
        commit = self.world.objects.commit(
            tree,
            parents,
            self.world.identity(author),
            self.world.identity(committer or author),
            text,
            self.world.clock(),
            verified,
        )
        self.update_branch(repository, branch, commit.sha, self.world.user(pusher or author))
        return commit

    def force_push(self, full_name: str, branch: str, commit: str, *, pusher: str) -> None:
        """Points a branch at a commit (by id or branch), whatever it pointed at before."""
        repository = self.world.repository(full_name)
        self.update_branch(repository, branch, self._commit(repository, commit).sha, self.world.user(pusher))

    def delete_branch(self, full_name: str, branch: str, *, by: str) -> None:
        repository = self.world.repository(full_name)
        before = repository.branches.pop(branch)
        self._pushed(repository, branch, before, NO_COMMIT, self.world.user(by))

    def update_branch(self, repository: Repository, branch: str, after: str, pusher: User) -> None:
        """Moves the branch, tells of the push, and brings its open pull requests up to date."""
        before = repository.branches.get(branch, NO_COMMIT)
        repository.branches[branch] = after
        self._pushed(repository, branch, before, after, pusher)
        for target in self.world.repositories.values():
            for pull in target.pulls.values():
                is_head = pull.head_repository is repository and pull.head_ref == branch
                if is_head and pull.state == "open" and pull.head_sha != after:
                    self._synchronize(target, pull, after, pusher)

    def refresh(self, repository: Repository, pull: Pull) -> None:
        """The base as it is now, and the test merge."""
        base = self.world.tip(repository, pull.base_ref)
        pull.base_sha = base.sha
        pull.updated_at = self.world.clock()
        head = self.world.objects[pull.head_sha]
        web = self.world.identity(WEB_FLOW)
        pull.merge_commit_sha = self.world.objects.commit(
            self.merged_files(base, head),
            (base.sha, head.sha),
            web,
            web,
            f"Merge {head.sha} into {base.sha}",
            self.world.clock(),
        ).sha

    def merged_files(self, base: StoredCommit, head: StoredCommit) -> dict[str, bytes]:
        """The base with what the head changed since both had one history; the head wins every conflict."""
        common = self.world.objects.merge_base(base.sha, head.sha)
        before = self.world.objects[common].files if common else {}
        files = dict(base.files)
        for path in before:
            if path not in head.files:
                files.pop(path, None)
        files.update({path: data for path, data in head.files.items() if before.get(path) != data})
        return files

    def _synchronize(self, repository: Repository, pull: Pull, after: str, pusher: User) -> None:
        before, pull.head_sha = pull.head_sha, after
        self.refresh(repository, pull)
        fields: Json = {
            "number": pull.number,
            "pull_request": self.pulls.full(repository, pull),
            "before": before,
            "after": after,
        }
        self.emit("pull_request", "synchronize", repository, pusher, fields)

    def _pushed(self, repository: Repository, branch: str, before: str, after: str, pusher: User) -> None:
        objects = self.world.objects
        created, deleted = before == NO_COMMIT, after == NO_COMMIT
        base = repository.branches.get(repository.default_branch, after) if created else before
        forced = not created and not deleted and not objects.reaches(after, before)
        commits = [] if deleted else objects.log(base, after)
        head = None if deleted else self.render.webhook_commit(repository, objects[after])
        compare = f"{self.render.base}/{repository.full_name}/compare/{before[:12]}...{after[:12]}"
        fields: Json = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "base_ref": None,
            "compare": compare,
            "created": created,
            "deleted": deleted,
            "forced": forced,
            "commits": [self.render.webhook_commit(repository, commit) for commit in commits[:2048]],
            "head_commit": head,
            "pusher": {"name": pusher.login, "email": pusher.email},
        }
        self.emit("push", None, repository, pusher, fields)

    def _start(self, repository: Repository, branch: str, start: str | None) -> StoredCommit:
        if branch in repository.branches:
            return self.world.tip(repository, branch)
        return self._commit(repository, start or repository.default_branch)

    def _commit(self, repository: Repository, name: str) -> StoredCommit:
        commit = self.world.resolve(repository, name)
        if commit is None:
            raise UnknownNameError(f"there is no commit or branch {name} in {repository.full_name}")
        return commit
