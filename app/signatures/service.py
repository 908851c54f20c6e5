"""Statements that people sign with keys of their own: served, taken back signed, checked, recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
from sqlalchemy.exc import IntegrityError

from app.blobs.store import BlobStore
from app.clock import SECOND, Clock, NewId
from app.consents import store as consents
from app.consents.recording import Recorder
from app.consents.store import NewGrant, StoredGrant
from app.db.database import Database
from app.db.tx import Tx
from app.facts.identity import with_reporting
from app.facts.view import ReleaseView
from app.people import key_bearing
from app.people.key_bearing import KeyStanding
from app.privacy import names
from app.privacy.names import mark
from app.pulls.admission import WITHDRAWN, changed_mind, replaced
from app.pulls.facts import release_facts, snapshot_of
from app.pulls.signing import artifacts_of
from app.pulls.store import Repository
from app.signatures import binding, display, envelope, judging
from app.signatures.checking import StatementChecker
from app.signatures.context import context
from app.signatures.envelope import SignedStatement
from app.signatures.errors import AGAIN, StatementRefusedError
from app.signatures.judging import Drawn, Wish
from app.signatures.model import StatementQuery, Submission
from app.signatures.reading import Current, Reader, history_of, revoked_elsewhere
from app.signatures.wishing import Wishing, environment_of
from app.tenants.registry import Tenant
from app.work import store as work
from gates.approvals import UNCOUNTED
from gates.decide import decide
from gates.model import Result, Verdict
from manifests import statement, strict_base64
from manifests.canonical import sha256_hex
from manifests.policy import Strength
from manifests.statement import Consent, ConsentPredicate

Covered = Callable[[Repository, Sequence[str]], None]
"""Raises unless the caller may act for these environments of this repository."""


class Accepted(msgspec.Struct, frozen=True):
    """A grant, new or ``repeated``, and the verdicts as they would be now; ``uncounted`` has of each only why the word
    of whoever signed does not count."""

    release: str
    grant: StoredGrant
    repeated: bool
    verdicts: tuple[Verdict, ...]
    uncounted: tuple[Verdict, ...] = ()


class Statements:
    def __init__(
        self, database: Database, reader: Reader, wishing: Wishing, blobs: BlobStore, checker: StatementChecker,
        clock: Clock, new_id: NewId, wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._reader = reader
        self._wishing = wishing
        self._blobs = blobs
        self._checker = checker
        self._clock = clock
        self._new_id = new_id
        self._wake = wake

    async def prepare(
        self, tenant: Tenant, release_id: str, asked: StatementQuery, covered: Covered
    ) -> tuple[bytes, str]:
        """The bytes to sign and the text to read. Raises StatementRefusedError, NeighbourError."""
        now = self._clock()
        key = judging.expect_usable(await self._standing(tenant, asked.fingerprint), asked.fingerprint, now)
        current = await self._reader.by_id(
            tenant, release_id, lambda repository: covered(repository, _named(asked.environment or ""))
        )
        environment = environment_of(current, asked)
        covered(current.repository, _named(environment))
        # Whole seconds, as GitHub tells time: what somebody withdraws within the same second must win.
        wish = await self._wishing.asked(current, asked, key.person, now - now % SECOND)
        drawn = judging.draw(current, key, wish, "", nonce=self._new_id())
        judging.expect_admissible(current, current.history, drawn.consent)
        text = await self._displayed(current, drawn, environment, wish)
        predicate = msgspec.structs.replace(drawn.predicate, displayed=display.digest(text))
        return statement.build(artifacts_of(current.release), predicate), text

    async def prepare_review(
        self, tenant: Tenant, glass: str, asked: StatementQuery, covered: Covered
    ) -> tuple[bytes, str]:
        """The same for looking back on a broken glass, by its id."""
        found = (await self._wishing.glass(tenant, glass)).row
        review = msgspec.structs.replace(asked, decision="review", glass=glass, environment=found.environment)
        return await self.prepare(tenant, found.release_id, review, covered)

    async def _displayed(self, current: Current, drawn: Drawn, environment: str, wish: Wish) -> str:
        verdicts = await self._verdicts(current, _named(environment))
        to = mark(wish.to.account) if wish.to is not None else ""
        around = context(current.release, verdicts[0] if verdicts else None, drawn, to)
        shown = Consent(artifacts_of(current.release), drawn.predicate, b"")
        text = display.display(shown, around)
        return await self._database.read(lambda tx: names.in_text(tx, current.tenant.id, text))

    async def submit(self, tenant: Tenant, sent: Submission, covered: Covered) -> Accepted:
        """Record what was signed, once. Raises ManifestError, StatementRefusedError, NeighbourError.

        The order of the checks: form, key, signature and namespace, nonce, age, what is bound, membership, head.
        """
        now = self._clock()
        consent = statement.parse(strict_base64.decode(sent.payload, "payload"))
        predicate = consent.predicate
        if predicate.tenant != tenant.id:
            raise _differs("tenant", tenant.id, predicate.tenant)
        key = judging.expect_usable(await self._standing(tenant, predicate.key), predicate.key, now)
        signed = envelope.expect_signed(consent, sent.signature)
        before = await self._database.read(partial(self._before, tenant=tenant, signed=signed))
        if before is None:
            judging.expect_fresh(predicate, now)
        current = await self._reader.by_name(
            tenant, predicate.repository_id, predicate.pull_number, predicate.manifest_path,
            lambda repository: covered(repository, predicate.environments),
        )  # fmt: skip
        if before is not None:
            return await self._accepted(current, before, predicate, repeated=True)
        drawn = await self._redrawn(current, key, signed, sent)
        judging.expect_admissible(current, current.history, drawn.consent)
        unit = partial(self._record, current=current, drawn=drawn, signed=signed, sent=sent, now=now)
        try:
            grant, repeated = await self._database.write(unit)
        except IntegrityError:
            # Two replicas were sent the same statement at the same moment; one of them has recorded it.
            found = await self._database.read(partial(self._before, tenant=tenant, signed=signed))
            if found is None:
                raise
            grant, repeated = found, True
        self._wake()
        return await self._accepted(current, grant, predicate, repeated=repeated)

    async def _redrawn(self, current: Current, key: KeyStanding, made: SignedStatement, sent: Submission) -> Drawn:
        """The consent as it would be drawn now, if that is exactly what was signed."""
        consent, signed = made.consent, made.consent.predicate
        if (signed.person, signed.account) != (key.person, key.account):
            raise _differs("person", f"{key.person} ({key.account})", f"{signed.person} ({signed.account})")
        strength: Strength = "passkey" if made.signature.user_verified else "personal"
        wish = await self._wishing.signed(current, signed, sent, strength)
        drawn = judging.draw(current, key, wish, self._new_id(), nonce=signed.nonce, displayed=signed.displayed)
        found = binding.compare(drawn.predicate, signed)
        found = found or binding.compare_artifacts(artifacts_of(current.release), consent.artifacts)
        if found is not None:
            raise _differs(found.field, found.expected, found.found)
        if sent.display and display.digest(sent.display) != signed.displayed:
            raise _differs("displayed", signed.displayed, display.digest(sent.display))
        return drawn

    def _record(
        self, tx: Tx, current: Current, drawn: Drawn, signed: SignedStatement, sent: Submission, now: int
    ) -> tuple[StoredGrant, bool]:
        """One transaction: nothing that was checked before may have changed by now."""
        tenant, row, predicate = current.tenant, current.row, drawn.predicate
        before = self._before(tx, tenant, signed)
        if before is not None:
            return before, True
        judging.expect_usable(key_bearing.standing(tx, tenant.id, predicate.key), predicate.key, now)
        history = history_of(tx, self._reader.memory, row)
        judging.expect_admissible(current, history, drawn.consent)
        if revoked_elsewhere(tx, drawn.consent):
            raise judging.refused("withdrawn")
        recorder = Recorder(tx, tenant.id, self._blobs, now)
        about = _about(predicate)
        for grant, reason in _overtaken(history.grants, drawn, current.release):
            recorder.void(row.trace_id, row.id, grant.id, reason, about)
        if sent.display:
            self._blobs.put(tx, "display", sent.display.encode())
        bytes_ = envelope.write(signed, sent.signature)
        recorder.grant(
            row.trace_id,
            NewGrant(row.id, drawn.consent, about, predicate.nonce, bytes_, drawn.memberships, predicate.key),
        )
        work.mark(tx, f"pull/{row.repository_id}/{row.number}", now)
        written = consents.with_nonce(tx, tenant.id, predicate.nonce)
        assert written is not None
        return written, False

    def _before(self, tx: Tx, tenant: Tenant, signed: SignedStatement) -> StoredGrant | None:
        """The grant of this very statement, if it was recorded. Another of the same nonce is a replay."""
        known = consents.with_nonce(tx, tenant.id, signed.consent.predicate.nonce)
        if known is None:
            return None
        stored = envelope.payload_of(self._blobs.get(tx, known.statement))
        if stored != signed.consent.payload:
            raise StatementRefusedError(
                "statement.replayed", "a nonce that was never used", f"that of another statement: {sha256_hex(stored)}"
            )
        return known

    async def _accepted(
        self, current: Current, grant: StoredGrant, predicate: ConsentPredicate, *, repeated: bool
    ) -> Accepted:
        environments = predicate.environments or current.release.environments
        verdicts = await self._verdicts(current, environments)
        mine = mark(predicate.account)
        own = tuple(
            msgspec.structs.replace(verdict, results=tuple(_told_of(verdict.results, f"{mine}'s ")))
            for verdict in (verdicts if predicate.decision == "approve" else ())
        )
        told, uncounted = await self._database.read(
            lambda tx: tuple(names.in_verdicts(tx, current.tenant.id, some) for some in (verdicts, own))
        )
        return Accepted(current.row.id, grant, repeated, told, uncounted)

    async def _verdicts(self, current: Current, environments: Sequence[str]) -> tuple[Verdict, ...]:
        """What would be decided about merging now, with what is recorded by now."""
        tenant, at = current.tenant, self._clock()
        memory = self._reader.memory
        now = await self._database.read(
            lambda tx: release_facts(tx, memory, tenant.id, current.row, current.release, self._checker, at)
        )
        view = await self._reader.with_pushes(current, current.view, now.consents)
        found = []
        for environment in environments:
            snapshot = snapshot_of(tenant, view, current.release, environment, at, now, now.consents)
            rule = current.release.rules.get(environment)
            snapshot = await with_reporting(tenant.reporting, snapshot, rule)
            found.append(decide(current.view.policies, snapshot))
        return tuple(found)

    async def _standing(self, tenant: Tenant, fingerprint: str) -> KeyStanding | None:
        return await self._database.read(lambda tx: key_bearing.standing(tx, tenant.id, fingerprint))


def _overtaken(grants: Sequence[StoredGrant], drawn: Drawn, release: ReleaseView) -> list[tuple[StoredGrant, str]]:
    """Earlier grants of the same person that this one takes the place of: they have changed their mind."""
    active = [grant for grant in grants if grant.void_reason is None]
    consent = drawn.consent
    if consent.decision == "delegate":
        return [(grant, "the same person delegated anew since") for grant in replaced(active, consent)]
    if consent.decision == "approve":
        found = changed_mind(active, [grant.consent for grant in active], consent, release)
        return [(grant, "the same person approved since") for grant in found]
    if consent.decision != "reject":
        return []
    mine = [g for g in active if g.consent.person == consent.person and g.consent.decision in WITHDRAWN]
    return [(grant, "the person rejected the release since") for grant in mine]


def _about(predicate: ConsentPredicate) -> str:
    return f"statement:{predicate.nonce}"


def _named(environment: str) -> tuple[str, ...]:
    return (environment,) if environment else ()


def _differs(field: str, expected: str, found: str) -> StatementRefusedError:
    return StatementRefusedError("statement.differs", f"{field} {expected}", found, AGAIN)


def _told_of(results: Iterable[Result], whose: str) -> Iterator[Result]:
    """What stands in the verdict's tree of somebody's word that does not count."""
    for result in results:
        if result.name == UNCOUNTED and result.summary.startswith(whose):
            yield result
        yield from _told_of(result.children, whose)
