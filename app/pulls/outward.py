"""Makes GitHub show what is wanted: idempotent by content, never twice, also after a crash in between."""

from __future__ import annotations

from functools import partial

import msgspec
import structlog

from app.clock import Clock
from app.db.database import Database, glance
from app.db.tx import Tx
from app.effects import store as effects
from app.effects.store import Effect
from app.metrics import Metrics
from app.pulls import store, wishes
from app.pulls.comment import MARKER
from app.pulls.own import own_comment
from app.pulls.store import Prompt, Repository
from app.pulls.wishes import CommentWish
from integrations.errors import InDoubtError, NeighbourError, NotFoundError
from integrations.github.port import CheckRun, Comment, GitHub, GitHubApp

_log = structlog.get_logger()


class Outward:
    """Delivers the effects of one pull request."""

    def __init__(self, database: Database, app: GitHubApp, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._github = app
        self._clock = clock
        self._metrics = metrics

    async def deliver(
        self, github: GitHub, repository: Repository, number: int, head_sha: str, base_ref: str, fresh: frozenset[str]
    ) -> None:
        """Deliver what is wanted and not done. ``fresh`` are keys wanted just now by this very attempt: those
        were never sent before, all others may have been, so GitHub is asked first. Raises NeighbourError."""
        keys = (wishes.check_key(repository.id, head_sha, base_ref), wishes.comment_key(repository.id, number))
        wanted = await glance(self._database, lambda tx: [effects.get(tx, key) for key in keys])
        for effect in wanted:
            if effect is None or effect.wanted == effect.done or not effect.payload:
                continue
            try:
                await self._one(github, repository, number, effect, effect.key in fresh)
            except Exception:
                self._metrics.effects.labels(kind=effect.kind, result="failed").inc()
                raise
            self._metrics.effects.labels(kind=effect.kind, result="delivered").inc()

    async def recall(self, github: GitHub, repository: Repository, number: int) -> bool:
        """Learn what an interrupted attempt had posted, for people may have answered it already."""
        key = wishes.comment_key(repository.id, number)
        effect = await glance(self._database, lambda tx: effects.get(tx, key))
        if effect is None or effect.wanted == effect.done or not effect.payload:
            # What was done has no content any more: a row that says otherwise was written by somebody else.
            return False
        wish = msgspec.json.decode(effect.payload, type=CommentWish)
        try:
            found = await self._shown(github, repository, number, effect)
        except NeighbourError as error:
            _log.warning("comment.not_recalled", pull=number, error=str(error))
            return False
        if found is None or found.body != wish.body:
            return False
        await self._database.write(
            partial(self._prompted, repository_id=repository.id, number=number, effect=effect, comment=found, wish=wish)
        )
        return True

    async def _one(self, github: GitHub, repository: Repository, number: int, effect: Effect, fresh: bool) -> None:
        if effect.kind == wishes.CHECK:
            remote = await self._check(github, repository, effect, fresh)
            await self._database.write(partial(self._done, effect=effect, remote=remote))
        else:
            wish = msgspec.json.decode(effect.payload, type=CommentWish)
            comment = await self._comment(github, repository, number, effect, wish, fresh)
            await self._database.write(
                partial(
                    self._prompted, repository_id=repository.id, number=number, effect=effect, comment=comment,
                    wish=wish,
                )
            )  # fmt: skip

    async def _check(self, github: GitHub, repository: Repository, effect: Effect, fresh: bool) -> str:
        check = msgspec.json.decode(effect.payload, type=CheckRun)
        posted = None if fresh else await self._posted(github, repository, check)
        if posted is None:
            try:
                posted = await github.create_check_run(repository.name, check)
            except InDoubtError:
                posted = await self._posted(github, repository, check)
                if posted is None:
                    raise
        return str(posted.id)

    async def _posted(self, github: GitHub, repository: Repository, check: CheckRun) -> CheckRun | None:
        """The run as it stands, if it is the newest of its name."""
        runs = await github.check_runs(repository.name, check.head_sha, check.name)
        return runs[0] if runs and runs[0].external_id == check.external_id else None

    async def _comment(
        self, github: GitHub, repository: Repository, number: int, effect: Effect, wish: CommentWish, fresh: bool
    ) -> Comment:
        remote = effect.remote_id
        if not fresh:
            shown = await self._shown(github, repository, number, effect)
            if shown is not None and shown.body == wish.body:
                return shown
            remote = str(shown.id) if shown is not None else ""
        if remote:
            try:
                return await github.edit_comment(repository.name, int(remote), wish.body)
            except NotFoundError:
                _log.warning("comment.gone", pull=number, comment=remote)
        try:
            return await github.create_comment(repository.name, number, wish.body)
        except InDoubtError:
            found = await self._ours(github, repository, number)
            if found is None or found.body != wish.body:
                raise
            return found

    async def _shown(self, github: GitHub, repository: Repository, number: int, effect: Effect) -> Comment | None:
        """Our comment as it stands; None when there is none."""
        if effect.remote_id:
            try:
                return await github.comment(repository.name, int(effect.remote_id))
            except NotFoundError:
                _log.warning("comment.gone", pull=number, comment=effect.remote_id)
        return await self._ours(github, repository, number)

    async def _ours(self, github: GitHub, repository: Repository, number: int) -> Comment | None:
        """Our comment, found by its marker."""
        return await own_comment(self._github, github, repository.name, number, MARKER)

    def _done(self, tx: Tx, effect: Effect, remote: str) -> None:
        effects.delivered(tx, effect.key, effect.wanted, remote, self._clock())

    def _prompted(
        self, tx: Tx, repository_id: int, number: int, effect: Effect, comment: Comment, wish: CommentWish
    ) -> None:
        """In GitHub's own time, with which the time of a review is compared."""
        self._done(tx, effect, str(comment.id))
        store.add_prompt(
            tx, repository_id, number,
            Prompt(wish.head_sha, effect.wanted, wish.environments, comment.updated_at, wish.documents),
        )  # fmt: skip
