"""From what a request or a signed statement says to a wish that can be judged: accounts, glasses, who had a hand."""

from __future__ import annotations

import msgspec

from app.consents import store as consents
from app.db.database import Database
from app.glass import store as glasses
from app.glass.store import StoredGlass
from app.pulls.facts import contributors
from app.pulls.naming import delegate, delegate_of
from app.pulls.powers import Delegate, Glass
from app.rebuild.pull import release_said
from app.releases.store import tracked
from app.signatures.errors import StatementRefusedError
from app.signatures.judging import WITHHELD, Wish
from app.signatures.model import StatementQuery, Submission
from app.signatures.reading import Current, Reader
from app.tenants.registry import Tenant
from gates.model import Contributor, FindingException
from integrations.github.port import GitHubApp
from manifests.policy import Strength
from manifests.statement import ConsentPredicate
from manifests.times import from_rfc3339


class Wishing:
    def __init__(self, database: Database, github: GitHubApp, reader: Reader) -> None:
        self._database = database
        self._github = github
        self._reader = reader

    async def asked(self, current: Current, asked: StatementQuery, person: str, issued_at: int) -> Wish:
        """What somebody asks to sign, as the ``person`` of their key. Raises ManifestError, StatementRefusedError,
        NeighbourError."""
        environment = environment_of(current, asked)
        if asked.decision in WITHHELD or asked.decision == "approve":
            return Wish(asked.decision, environment, issued_at, asked.reason)
        exception = FindingException(asked.type, asked.finding, asked.control) if asked.decision == "except" else None
        wish = Wish(
            asked.decision, environment, issued_at, asked.reason,
            until=from_rfc3339(asked.until) if asked.until else None,
            to=await self._named(current, asked.to or "") if asked.decision == "delegate" else None,
            scope=asked.scope, exception=exception,
            incident=asked.incident if asked.decision == "break-glass" else "",
            glass=await self._glass(current, asked.glass, environment) if asked.decision == "review" else Glass(),
        )  # fmt: skip
        return await self._judged_by(current, wish, person)

    async def signed(self, current: Current, signed: ConsentPredicate, sent: Submission, strength: Strength) -> Wish:
        """What somebody signed, for comparison with what could be signed now."""
        environment = signed.environments[0] if len(signed.environments) == 1 else ", ".join(signed.environments)
        decision = signed.decision
        if decision == "unhold" or decision == "revoke":
            raise StatementRefusedError("statement.differs", "decision that is signed", decision)
        if decision in WITHHELD or decision == "approve":
            return Wish(decision, environment, signed.issued_at, sent.reason, strength)
        terms, finding = signed.delegation, signed.exception
        wish = Wish(
            decision, environment, signed.issued_at, sent.reason, strength,
            until=signed.not_after if terms or finding else None,
            to=await self._known(current.tenant, terms.account) if terms else None,
            scope=terms.scope if terms else "release",
            exception=FindingException(finding.type, finding.finding, sent.control) if finding else None,
            incident=signed.incident,
            glass=await self._glass(current, signed.glass, environment) if signed.glass else Glass(),
        )  # fmt: skip
        return await self._judged_by(current, wish, signed.person)

    async def _judged_by(self, current: Current, wish: Wish, person: str) -> Wish:
        """With whoever had a hand in the release before, and the reporting lines that the rule asks for."""
        makers, reporting = await self._makers(current), current.tenant.reporting
        if reporting is None:
            return msgspec.structs.replace(wish, makers=makers)
        known = (*current.release.contributors.known, *makers)
        others = (person, *([wish.to.person] if wish.to is not None else []))
        found = await reporting.lines([current.release.rules.get(wish.environment)], known, others)
        return msgspec.structs.replace(wish, makers=makers, reporting=found)

    async def _named(self, current: Current, login: str) -> Delegate:
        github = self._github.installation(current.repository.installation_id)
        return await delegate(github, current.tenant, login)

    async def _known(self, tenant: Tenant, account: str) -> Delegate:
        known = (await tenant.people.linked([account])).get(account)
        return Delegate(account, account) if known is None else delegate_of(tenant, known)

    async def _glass(self, current: Current, glass: str, environment: str) -> Glass:
        found = await self.glass(current.tenant, glass)
        if (found.row.release_id, found.row.environment) != (current.row.id, environment):
            raise StatementRefusedError(
                "glass.elsewhere", f"a glass that was broken for {environment} of this release",
                f"one for {found.row.environment} of release {found.row.release_id}",
            )  # fmt: skip
        grants = await self._database.read(lambda tx: consents.by_ids(tx, current.tenant.id, found.row.grants))
        breakers = sorted({grant.consent.person for grant in grants if grant.readable})
        return Glass(found.row.id, tuple(breakers), found.row.review_by)

    async def glass(self, tenant: Tenant, glass: str) -> StoredGlass:
        """A broken glass that waits for its review. Raises StatementRefusedError."""
        found = await self._database.read(lambda tx: glasses.open_glass(tx, tenant.id, glass))
        if found is None:
            raise StatementRefusedError(
                "glass.unknown", "a broken glass that waits to be reviewed", glass[:100] or "none",
                "The check of the release names it.", status=404,
            )  # fmt: skip
        return found

    async def _makers(self, current: Current) -> tuple[Contributor, ...]:
        """Who had a hand in the release or its artifacts before now."""
        row, digests = tracked(current.row), list(current.release.digests.values())
        said = await self._database.read(
            lambda tx: release_said(tx, self._reader.memory, current.tenant.id, row, digests)
        )
        return contributors(said)


def environment_of(current: Current, asked: StatementQuery) -> str:
    """An exception need not name the only environment that there is."""
    if asked.environment is None and asked.decision == "except" and len(current.release.environments) == 1:
        return current.release.environments[0]
    return asked.environment or ""
