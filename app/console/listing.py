"""The list of releases: filtered, newest first, a page at a time."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from sqlalchemy import TextClause, bindparam, text

from app.console.access import Viewer
from app.console.names import Names
from app.db.tx import Tx
from app.releases import store as releases
from app.releases.store import StoredRelease
from gates.model import Outcome

PAGE = 25
LAST = 2**62

_IDS = text(
    "SELECT r.id, p.name AS repository FROM releases r JOIN repositories p ON p.id = r.repository_id"
    " WHERE r.tenant = :tenant AND p.tenant = :tenant"
    " AND (r.updated_at < :before OR (r.updated_at = :before AND r.id < :before_id))"
    " AND (:repository = '' OR lower(p.name) = :repository)"
    " AND (:state = '' OR r.state = :state)"
    " AND (:name = '' OR lower(r.name) LIKE :name ESCAPE '!')"
    " AND (:has = '' OR r.verdicts_json LIKE :has)"
    " AND (:worse = '' OR r.verdicts_json NOT LIKE :worse)"
    " AND (:worst = '' OR r.verdicts_json NOT LIKE :worst)"
    " ORDER BY r.updated_at DESC, r.id DESC LIMIT :most"
)
_DEPLOYED = text(
    "SELECT release_id, environment, outcome FROM deployments WHERE tenant = :tenant AND release_id IN :releases"
    " ORDER BY at, id"
).bindparams(bindparam("releases", expanding=True))
_ANSWERED = text(
    "SELECT release_id, environment, outcome FROM decisions WHERE tenant = :tenant AND release_id IN :releases"
    " AND question = 'deploy' ORDER BY at, id"
).bindparams(bindparam("releases", expanding=True))
_BY_SEVERITY: tuple[Outcome, ...] = ("deny", "wait", "allow")


class Wanted(msgspec.Struct, frozen=True):
    """The query string. ``state`` is what merging an open release would give (allow, wait, deny), or merged or
    closed; ``before`` and ``before_id`` are where the page before ended."""

    state: Literal["", "allow", "wait", "deny", "merged", "closed"] = ""
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    before: Annotated[int, msgspec.Meta(ge=0, le=LAST)] = LAST
    before_id: Annotated[str, msgspec.Meta(max_length=64)] = ""

    @property
    def filtered(self) -> bool:
        return bool(self.state or self.name.strip())

    @property
    def first(self) -> bool:
        return self.before == LAST

    def after(self, release: StoredRelease) -> str:
        """The query string of the page after the one that ends with ``release``."""
        values: dict[str, Any] = {"state": self.state, "name": self.name}
        values |= {"before": release.updated_at, "before_id": release.id}
        return urlencode({name: value for name, value in values.items() if value != ""})


class Badge(msgspec.Struct, frozen=True):
    """One environment: the outcome for it, why, and how its last deployment ended (empty: none did)."""

    environment: str
    outcome: str
    summary: str
    deployed: str


class Row(msgspec.Struct, frozen=True):
    release: StoredRelease
    repository: str
    requester: str
    badges: tuple[Badge, ...]


class Listing(msgspec.Struct, frozen=True):
    """One page; ``following`` is the query string of the next one, empty at the end."""

    rows: tuple[Row, ...]
    following: str


def read(tx: Tx, viewer: Viewer, wanted: Wanted) -> Listing:
    """Releases of the viewer's tenant and inside their scope, last changed first."""
    found = tx.all(_IDS, tenant=viewer.tenant, most=PAGE + 1, **_conditions(viewer, wanted))
    repositories = {row.id: row.repository for row in found[:PAGE]}
    stored = [one for one in (releases.one(tx, viewer.tenant, id) for id in repositories) if one is not None]
    ids = tuple(repositories)
    answered = _latest(tx, _ANSWERED, viewer.tenant, ids)
    deployed = _latest(tx, _DEPLOYED, viewer.tenant, ids)
    names = Names(tx, viewer.tenant)
    rows = tuple(
        Row(release, repositories[release.id], names.of(release.requester), _badges(release, answered, deployed))
        for release in stored
        if viewer.sees(repositories[release.id], release.environments)
    )
    return Listing(rows, wanted.after(stored[-1]) if len(found) > PAGE else "")


def _conditions(viewer: Viewer, wanted: Wanted) -> dict[str, Any]:
    name = wanted.name.strip().lower()
    for special in "!%_":
        name = name.replace(special, f"!{special}")
    # The worst outcome of any environment is that of the release. People's text inside this JSON has its
    # quotation marks escaped, so it cannot look like an outcome.
    asked = wanted.state in _BY_SEVERITY
    severity = _BY_SEVERITY.index(wanted.state) if asked else 0
    like = [f'%"outcome":"{outcome}"%' for outcome in _BY_SEVERITY]
    return {
        "before": wanted.before,
        "before_id": wanted.before_id,
        "repository": (viewer.scope.repository or "").lower(),
        "state": "open" if asked else wanted.state,
        "name": f"%{name}%" if name else "",
        "has": like[severity] if asked else "",
        "worse": like[0] if severity > 0 else "",
        "worst": like[1] if severity > 1 else "",
    }


def _latest(tx: Tx, query: TextClause, tenant: str, ids: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """The newest outcome by release and environment."""
    rows = tx.all(query, tenant=tenant, releases=ids) if ids else ()
    return {(row.release_id, row.environment): row.outcome for row in rows}


def _badges(
    release: StoredRelease, answered: dict[tuple[str, str], str], deployed: dict[tuple[str, str], str]
) -> tuple[Badge, ...]:
    """What an open release says about merging, a merged one about deploying."""
    found = []
    for environment in dict.fromkeys((*release.environments, *release.verdicts)):
        last, key = release.verdicts.get(environment), (release.id, environment)
        outcome: str = last.outcome if last else ""
        summary = last.summary if last else "Nothing has been decided yet"
        if release.state == "merged":
            outcome, summary = answered.get(key, ""), "The gate’s last answer about deploying"
        found.append(Badge(environment, outcome, summary, deployed.get(key, "")))
    return tuple(found)
