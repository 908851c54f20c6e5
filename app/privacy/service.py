"""Everything about people's data of one service, wired together."""

from __future__ import annotations

from collections.abc import Mapping

from app.clock import Clock, NewId
from app.db.database import Database
from app.http.route import Route
from app.privacy import kek, retention
from app.privacy.deliveries import Deliveries
from app.privacy.disclosing import Disclosure
from app.privacy.erasing import Erasures
from app.privacy.holds import Holds
from app.privacy.keys import SubjectKeys
from app.privacy.sealer import Sealer
from app.privacy.views import PrivacyViews
from app.privacy.zeroing import empty_wal
from app.settings.model import Settings
from app.sweeps.schedule import Job
from app.tenants.model import SYSTEM
from app.tenants.registry import Tenants
from app.tokens.distinct import distinct


def open_sealer(settings: Settings, clock: Clock, make_id: NewId) -> Sealer:
    """Raises SealKeyError."""
    return Sealer(SubjectKeys(kek.load(settings), clock, make_id))


class Privacy:
    def __init__(
        self, settings: Settings, database: Database, sealer: Sealer, tenants: Tenants, clock: Clock, make_id: NewId
    ) -> None:
        self._kept = retention.of_settings(settings)
        self._tenants = tenants
        self.deliveries = Deliveries(database, sealer, self._tenant_of, clock)
        self.holds = Holds(database, sealer, clock, make_id, distinct)
        url = settings.database.url.get_secret_value()
        self.erasures = Erasures(
            database, sealer, clock, make_id, distinct, lambda tenant: self._kept[tenant].records,
            before=self.deliveries.seal, after=lambda: empty_wal(url), forget=self._forget,
        )  # fmt: skip
        self.disclosure = Disclosure(database, sealer, self.deliveries, clock)

    def jobs(self) -> Mapping[str, tuple[str, Job]]:
        """What the scheduler drives: by name a cron line and what to do."""
        return {"deliveries.seal": ("* * * * *", self._seal), "deliveries.remove": ("43 3 * * *", self._remove)}

    def routes(self) -> tuple[Route, ...]:
        return PrivacyViews(self.erasures, self.holds, self.disclosure, self._tenants).routes()

    async def _seal(self) -> None:
        await self.deliveries.seal()

    async def _remove(self) -> None:
        await self.deliveries.remove({tenant: kept.deliveries for tenant, kept in self._kept.items()})

    def _tenant_of(self, installation: int | None) -> str:
        tenant = self._tenants.of_installation(installation)
        return SYSTEM if tenant is None else tenant.id

    def _forget(self, tenant: str) -> None:
        found = self._tenants.get(tenant)
        if found is not None:
            found.people.forget()
