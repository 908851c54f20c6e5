"""Comments of their own on a pull request, each posted once whatever is killed on the way, and the alarms that go with
them."""

from __future__ import annotations

from functools import partial
from typing import Literal

import msgspec
from cachetools import LRUCache

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.effects import store as effects
from app.effects.store import Effect
from app.metrics import Metrics
from app.pulls import store as pulls
from app.pulls.own import own_comment
from app.releases import store as releases
from app.tenants.registry import Tenants
from app.work import store as work
from app.work.store import Lease
from integrations.errors import InDoubtError
from integrations.github.port import GitHub, GitHubApp
from manifests import canonical

KIND = "notice"
PREFIXES = ("remind", "glass")
"""What the keys of notices begin with; the release comes next."""
REMEMBERED = 10_000


class Notice(msgspec.Struct, frozen=True):
    """``body`` is Markdown that names no person. ``alarm``, if there is one, is told before the comment is posted:
    about a ``glass`` somebody has to look now, a ``deadline`` can wait until they are at work."""

    body: str
    kind: Literal["glass", "deadline"]
    alarm: str = ""


def want(tx: Tx, repository_id: int, number: int, key: str, notice: Notice, cause: str, at: int) -> bool:
    """Have a notice posted, once per ``key`` (``remind/<release>/…`` or ``glass/<release>/…``). False when it was
    wanted before."""
    if effects.get(tx, key) is not None:
        return False
    payload = msgspec.json.encode(notice)
    effects.want(tx, key, KIND, canonical.sha256_hex(payload), payload, cause, at)
    work.mark(tx, f"{KIND}/{repository_id}/{number}", at)
    return True


class Notices:
    """Handles work keys ``notice/<repository id>/<number>``."""

    def __init__(self, database: Database, tenants: Tenants, github: GitHubApp, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._tenants = tenants
        self._github = github
        self._clock = clock
        self._metrics = metrics
        self._alarmed: LRUCache[str, bool] = LRUCache(REMEMBERED)

    async def __call__(self, lease: Lease) -> int | None:
        _, repository_id, number = lease.key.split("/")
        pending = await self._database.read(lambda tx: _pending(tx, int(repository_id), int(number)))
        waiting = [(effect, msgspec.json.decode(effect.payload, type=Notice)) for effect in pending if effect.payload]
        for effect, notice in waiting:
            # Before anything that GitHub could hold up; again after a restart rather than not at all.
            self._alarm(effect, notice)
        repository = await self._database.read(lambda tx: pulls.repository(tx, int(repository_id)))
        if repository is None or self._tenants.of_installation(repository.installation_id) is None:
            return None
        github = self._github.installation(repository.installation_id)
        for effect, notice in waiting:
            try:
                remote = await self._post(github, repository.name, int(number), effect, notice)
            except Exception:
                self._metrics.effects.labels(kind=KIND, result="failed").inc()
                raise
            self._metrics.effects.labels(kind=KIND, result="delivered").inc()
            await self._database.write(partial(self._done, effect=effect, remote=remote))
        return None

    def _alarm(self, effect: Effect, notice: Notice) -> None:
        if not notice.alarm or effect.key in self._alarmed:
            return
        if notice.kind == "glass":
            self._metrics.alarm("glass", notice.alarm)
        else:
            self._metrics.tell("deadline", notice.alarm)
        self._alarmed[effect.key] = True

    async def _post(self, github: GitHub, repository: str, number: int, effect: Effect, notice: Notice) -> str:
        """An attempt that was interrupted may have posted it: GitHub is asked first."""
        marker = f"<!-- countersign {KIND} {canonical.sha256_hex(effect.key.encode())[:32]} -->"
        find = partial(own_comment, self._github, github, repository, number, marker)
        found = await find()
        if found is None:
            try:
                found = await github.create_comment(repository, number, f"{marker}\n\n{notice.body}")
            except InDoubtError:
                found = await find()
                if found is None:
                    raise
        return str(found.id)

    def _done(self, tx: Tx, effect: Effect, remote: str) -> None:
        effects.delivered(tx, effect.key, effect.wanted, remote, self._clock())


def _pending(tx: Tx, repository_id: int, number: int) -> tuple[Effect, ...]:
    names = [f"{prefix}/{row.id}/" for row in releases.of_pull(tx, repository_id, number) for prefix in PREFIXES]
    return tuple(effect for name in names for effect in effects.pending(tx, name))
