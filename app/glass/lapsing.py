"""Every hour, the broken glasses that nobody reviewed in time: told once, and every check turns red."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.glass import store, words
from app.glass.store import StoredGlass
from app.notices.service import want
from app.pulls.again import judge_open
from app.rebuild import glasses
from app.releases import store as releases
from app.sweeps.schedule import Job
from app.tenants.registry import Tenants


class Lapses:
    def __init__(self, database: Database, tenants: Tenants, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._tenants = tenants
        self._clock = clock
        self._wake = wake

    def jobs(self) -> Mapping[str, tuple[str, Job]]:
        return {"glass": ("23 * * * *", self.__call__)}

    async def __call__(self) -> None:
        for tenant in self._tenants:
            await self._database.write(partial(self._lapse, tenant=tenant.id))
        self._wake()

    def _lapse(self, tx: Tx, tenant: str) -> None:
        now = self._clock()
        for one in store.due(tx, tenant, now):
            release = releases.one(tx, tenant, one.row.release_id)
            if release is None or _told(tx, tenant, one):
                continue
            glasses.say_lapsed(tx, tenant, one.row, trace_id=release.trace_id, ts=now)
            key, about = f"glass/{release.id}/lapsed/{one.row.id}", glasses.resource(one.row.repository_id, one.row.id)
            notice = words.lapsed(release, one.repository, one.row)
            want(tx, release.repository_id, release.number, key, notice, about, now)
            judge_open(tx, one.row.repository_id, now)


def _told(tx: Tx, tenant: str, one: StoredGlass) -> bool:
    """An altered record is told by whoever decides; here it must not hold up the others."""
    try:
        records = audit.records_of(tx, tenant, glasses.resource(one.row.repository_id, one.row.id))
    except RecordAlteredError:
        return True
    return any(record.event == "glass.lapsed" for record in records)
