"""The releases table: a projection of what was proposed, for lists and look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.contributors import ContributorRow
from app.rebuild.releases import ReleaseRow
from gates.model import Outcome

MAKER = "maker"

_COLUMNS = (
    "id, tenant, repository_id, number, path, trace_id, requester, proposed_at, state, head_sha, revision, name,"
    " version, kind, environments_json, verdicts_json, updated_at"
)
_OF_PULL = text(
    f"SELECT {_COLUMNS} FROM releases WHERE repository_id = :repository_id AND number = :number ORDER BY path"
)
_ONE = text(f"SELECT {_COLUMNS} FROM releases WHERE tenant = :tenant AND id = :id")
_LIST = text(
    f"SELECT {_COLUMNS} FROM releases WHERE tenant = :tenant AND (updated_at, id) < (:before, :before_id)"
    " ORDER BY updated_at DESC, id DESC LIMIT :most"
)
_SAVE = text(
    f"INSERT INTO releases ({_COLUMNS}) VALUES (:id, :tenant, :repository_id, :number, :path, :trace_id, :requester,"
    " :proposed_at, :state, :head_sha, :revision, :name, :version, :kind, :environments_json, :verdicts_json,"
    " :updated_at) ON CONFLICT (id) DO UPDATE SET proposed_at = excluded.proposed_at, state = excluded.state,"
    " head_sha = excluded.head_sha,"
    " revision = excluded.revision, name = excluded.name, version = excluded.version, kind = excluded.kind,"
    " environments_json = excluded.environments_json, verdicts_json = excluded.verdicts_json,"
    " updated_at = excluded.updated_at"
)
_ARTIFACT = text(
    "INSERT INTO release_artifacts (release_id, revision, name, sha256) VALUES (:release_id, :revision, :name, :sha256)"
    " ON CONFLICT (release_id, revision, name) DO NOTHING"
)
_WITH_ARTIFACT = text(
    f"SELECT DISTINCT {', '.join('r.' + c.strip() for c in _COLUMNS.split(','))} FROM releases r"
    " JOIN release_artifacts a ON a.release_id = r.id AND a.revision = r.revision"
    " WHERE r.tenant = :tenant AND r.repository_id = :repository_id AND a.sha256 IN :digests"
    " ORDER BY r.proposed_at DESC"
).bindparams(bindparam("digests", expanding=True))
_ENVIRONMENTS = text("SELECT environments_json FROM releases WHERE tenant = :tenant AND repository_id = :repository_id")
_AT_PATH = text(
    f"SELECT {_COLUMNS} FROM releases WHERE tenant = :tenant AND repository_id = :repository_id AND path = :path"
    " AND state <> 'closed' ORDER BY proposed_at DESC LIMIT 50"
)
_NEWEST = text(
    f"SELECT {_COLUMNS} FROM releases WHERE tenant = :tenant AND repository_id = :repository_id AND state <> 'closed'"
    " ORDER BY proposed_at DESC LIMIT 20"
)
_CONTRIBUTOR = text(
    "INSERT INTO release_contributors (release_id, account, person, role)"
    " VALUES (:release_id, :account, :person, :role) ON CONFLICT DO NOTHING"
)


class LastVerdict(msgspec.Struct, frozen=True):
    """What was last decided about merging, for one environment."""

    outcome: Outcome
    digest: str
    decision_id: str
    effective_rule: str = ""
    summary: str = ""


class StoredRelease(msgspec.Struct, frozen=True):
    """One release. ``state`` is open, merged or closed; instants in microseconds since 1970 UTC."""

    id: str
    tenant: str
    repository_id: int
    number: int
    path: str
    trace_id: str
    requester: str
    proposed_at: int
    state: str
    head_sha: str
    revision: str
    name: str
    version: str
    kind: str
    environments: tuple[str, ...]
    verdicts: dict[str, LastVerdict]
    updated_at: int


def of_pull(tx: Tx, repository_id: int, number: int) -> tuple[StoredRelease, ...]:
    return tuple(_read(row) for row in tx.all(_OF_PULL, repository_id=repository_id, number=number))


def one(tx: Tx, tenant: str, release_id: str) -> StoredRelease | None:
    row = tx.first(_ONE, tenant=tenant, id=release_id)
    return None if row is None else _read(row)


def page(tx: Tx, tenant: str, before: int = 2**62, before_id: str = "", most: int = 50) -> tuple[StoredRelease, ...]:
    """Newest first; go on with the last one's ``updated_at`` and ``id``."""
    rows = tx.all(_LIST, tenant=tenant, before=before, before_id=before_id, most=most)
    return tuple(_read(row) for row in rows)


def tracked(release: StoredRelease, base_ref: str = "") -> ReleaseRow:
    """What the log tells of a release."""
    return ReleaseRow(
        release.id, release.repository_id, release.number, release.path, release.requester, release.proposed_at,
        release.state, release.revision, release.name, release.kind, base_ref,
    )  # fmt: skip


def restored(tenant: str, stored: Sequence[StoredRelease], told: Iterable[ReleaseRow]) -> tuple[StoredRelease, ...]:
    """The releases of a pull request as the log tells them, with what only their rows hold."""
    rows = {release.id: release for release in stored}
    for row in told:
        before = rows.get(row.id) or StoredRelease(
            row.id, tenant, row.repository_id, row.number, row.path, row.id, row.requester, row.proposed_at, row.state,
            "", row.revision, row.name, "", row.kind, (), {}, row.proposed_at,
        )  # fmt: skip
        rows[row.id] = msgspec.structs.replace(
            before, path=row.path, requester=row.requester, proposed_at=row.proposed_at, state=row.state,
            revision=row.revision, name=row.name, kind=row.kind,
        )  # fmt: skip
    return tuple(sorted(rows.values(), key=lambda release: release.path))


def save(tx: Tx, release: StoredRelease) -> None:
    values = msgspec.structs.asdict(release)
    values["environments_json"] = msgspec.json.encode(values.pop("environments")).decode()
    values["verdicts_json"] = msgspec.json.encode(values.pop("verdicts")).decode()
    tx.run(_SAVE, **values)


def save_artifacts(tx: Tx, release_id: str, revision: str, digests: Mapping[str, str]) -> None:
    """``digests`` maps artifact names to SHA-256."""
    rows = [
        {"release_id": release_id, "revision": revision, "name": name, "sha256": sha256}
        for name, sha256 in sorted(digests.items())
    ]
    tx.run_many(_ARTIFACT, rows)


def save_contributors(tx: Tx, contributors: Sequence[ContributorRow]) -> None:
    """Who ever had a hand in a release; nobody is ever taken out."""
    tx.run_many(_CONTRIBUTOR, [msgspec.structs.asdict(one) for one in contributors])


def with_artifacts(tx: Tx, tenant: str, repository_id: int, digests: Sequence[str]) -> tuple[StoredRelease, ...]:
    """Releases of a repository whose present revision has any of these artifacts, newest first."""
    rows = tx.all(_WITH_ARTIFACT, tenant=tenant, repository_id=repository_id, digests=sorted(digests))
    return tuple(_read(row) for row in rows)


def has_environment(tx: Tx, tenant: str, repository_id: int, environment: str) -> bool:
    """Whether any release of the repository was ever meant for this environment."""
    rows = tx.all(_ENVIRONMENTS, tenant=tenant, repository_id=repository_id)
    return any(environment in msgspec.json.decode(row.environments_json, type=tuple[str, ...]) for row in rows)


def newest_into(tx: Tx, tenant: str, repository_id: int, environment: str) -> tuple[StoredRelease, ...]:
    """The newest releases that are open or merged and meant for the environment."""
    found = (_read(row) for row in tx.all(_NEWEST, tenant=tenant, repository_id=repository_id))
    return tuple(release for release in found if environment in release.environments)


def at_path(tx: Tx, tenant: str, repository_id: int, path: str) -> tuple[StoredRelease, ...]:
    """Releases of this manifest that are open or merged, newest first."""
    return tuple(_read(row) for row in tx.all(_AT_PATH, tenant=tenant, repository_id=repository_id, path=path))


def _read(row: object) -> StoredRelease:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    values["environments"] = msgspec.json.decode(values.pop("environments_json"), type=tuple[str, ...])
    values["verdicts"] = msgspec.json.decode(values.pop("verdicts_json"), type=dict[str, LastVerdict])
    return StoredRelease(**values)
