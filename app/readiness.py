"""What /readyz asks: whether this replica can do its work."""

from __future__ import annotations

import structlog

from app.db.database import Database
from app.http.context import Check
from app.settings.model import Settings
from app.tenants.registry import Tenants

_log = structlog.get_logger()


def readiness(settings: Settings, database: Database, tenants: Tenants) -> dict[str, Check]:
    """Checks by name; each answers what is wrong, or None."""

    async def readable() -> str | None:
        try:
            await database.read(lambda tx: None)
        except Exception as error:
            # Everybody may ask, and the error names hosts and users.
            _log.error("database.unreadable", error=repr(error))
            return "it cannot be read now. The service's log says why."
        return None

    async def app() -> str | None:
        return None if settings.github.app_id else "github.app_id is not set; see `countersign doctor`"

    async def anybody() -> str | None:
        return None if list(tenants) else "no tenant is set up; add [[tenants]] to the settings"

    return {"database": readable, "github": app, "tenants": anybody}
