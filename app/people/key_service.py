"""Enrolling and revoking the keys that people sign with: one proposes, another confirms, and then it cools down."""

from __future__ import annotations

from collections.abc import Callable, Collection

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.people import key_bearing, key_store, store
from app.people.errors import KeyRefusedError
from app.people.key_bearing import EVENTS, KeyStanding
from app.people.key_store import KeyStep, Reason
from app.tokens.distinct import distinct
from manifests import ssh_keys
from manifests.record import Draft, facts
from manifests.ssh_keys import SshKey

Revoked = Callable[[Tx, str, KeyStep, int], None]
"""Told the tenant, the step and the time in the transaction that revokes a key."""

APPLICATION = "ssh:"


class KeyRegistry:
    """``servers`` are the fingerprints of keys that no person may sign with, as they are when somebody asks."""

    def __init__(self, database: Database, clock: Clock, *, servers: Collection[str], on_revoked: Revoked) -> None:
        self._database = database
        self._clock = clock
        self._servers = servers
        self._on_revoked = on_revoked

    async def propose(self, tenant: str, account: str, public_key: str, by: str) -> KeyStep:
        """Say that a key belongs to the person of a GitHub account. It counts for nothing until confirmed.

        Raises ManifestError for a key that cannot be read or is weak, KeyRefusedError.
        """
        key = ssh_keys.from_openssh(public_key)
        self._expect_own(key)
        now = self._clock()

        def unit(tx: Tx) -> KeyStep:
            owner = store.known(tx, tenant, [account]).get(account)
            if owner is None or owner.kind != "User":
                raise KeyRefusedError(
                    "people.account_unknown", "the GitHub account of a person known here", account,
                    "Let the person act once in a pull request first; bots and apps sign nothing.",
                )  # fmt: skip
            before = key_store.of_key(tx, tenant, key.fingerprint)
            if before:
                raise KeyRefusedError(
                    "key.known", "a key that was never proposed here", f"{before[-1].state} for {before[0].account}",
                    "A key belongs to one person for ever: confirm it, or make a new one.",
                )  # fmt: skip
            step = KeyStep(key.fingerprint, 0, "proposed", owner.person, account, key.to_openssh(), by, now)
            self._write(tx, tenant, step)
            return step

        return await self._database.write(unit)

    async def confirm(self, tenant: str, fingerprint: str, by: str, cooldown: int) -> KeyStep:
        """Enrol a proposed key; usable ``cooldown`` seconds later. Raises KeyRefusedError."""
        now = self._clock()

        def unit(tx: Tx) -> KeyStep:
            steps = _steps(tx, tenant, fingerprint)
            if steps[-1].state != "proposed":
                raise KeyRefusedError(
                    "key.settled", "a key that waits for its confirmation", f"one that is {steps[-1].state}",
                    "See `countersign people keys`.",
                )  # fmt: skip
            if same := distinct(tx, tenant, steps[0].by, by):
                raise KeyRefusedError(
                    "key.second_person", "a second person: who proposed a key cannot confirm it", same,
                    "Let somebody else compare the fingerprint with the person and confirm with their own token.",
                )  # fmt: skip
            step = _next(steps, "enrolled", by, now, usable_at=now + cooldown * SECOND)
            self._write(tx, tenant, step)
            return step

        return await self._database.write(unit)

    async def revoke(self, tenant: str, fingerprint: str, by: str, reason: Reason, since: int | None) -> KeyStep:
        """End the use of a key. ``compromised`` voids what was recorded since then, from the beginning where it is
        not known since when; ``superseded`` leaves what was signed before. Raises KeyRefusedError."""
        now = self._clock()

        def unit(tx: Tx) -> KeyStep:
            steps = _steps(tx, tenant, fingerprint)
            known = key_bearing.standing(tx, tenant, fingerprint)
            assert known is not None
            start = _since(reason, since, now)
            if _says_nothing_new(known, reason, start):
                raise KeyRefusedError(
                    "key.settled", "a revocation that reaches further than those before", "one that changes nothing",
                    "See `countersign people keys`.",
                )  # fmt: skip
            step = _next(steps, "revoked", by, now, reason=reason, since=start)
            self._write(tx, tenant, step)
            self._on_revoked(tx, tenant, step, now)
            return step

        return await self._database.write(unit)

    async def steps(self, tenant: str) -> tuple[KeyStep, ...]:
        return await self._database.read(lambda tx: key_store.everything(tx, tenant))

    def _expect_own(self, key: SshKey) -> None:
        if key.fingerprint in self._servers:
            raise KeyRefusedError(
                "key.servers_own", "a person's own key", "a key of this server",
                "Never share keys between the server and a person.",
            )  # fmt: skip
        if key.application is not None and not key.application.startswith(APPLICATION):
            raise KeyRefusedError(
                "key.application", f"a security key for an application that starts with {APPLICATION}", key.application,
                "Make it with `ssh-keygen -t ed25519-sk`.",
            )  # fmt: skip

    def _write(self, tx: Tx, tenant: str, step: KeyStep) -> None:
        if not key_store.add(tx, tenant, step):
            raise KeyRefusedError(
                "key.settled", "nobody else to change this key at the same moment", "another change of it",
                "See `countersign people keys` and try again.",
            )  # fmt: skip
        event = EVENTS[step.state]
        tx.stage(
            tenant,
            Draft(
                trace_id=f"person-{step.person}", ts=step.at, stage="system", event=event, component="people",
                action=event.partition(".")[2], resource=key_bearing.resource(step.fingerprint), actor_ref=step.by,
                outcome=step.reason or "ok", data=facts(step),
            ),
        )  # fmt: skip


def _steps(tx: Tx, tenant: str, fingerprint: str) -> tuple[KeyStep, ...]:
    """The steps of a key that the log bears out."""
    known = key_bearing.standing(tx, tenant, fingerprint)
    if known is None:
        raise KeyRefusedError(
            "key.unknown", "the fingerprint of a key that was proposed", fingerprint[:64],
            "See `countersign people keys`.", status=404,
        )  # fmt: skip
    if known.difference:
        raise KeyRefusedError(
            "key.altered", "a key whose records bear it out", known.difference,
            "Treat this as tampering: run `countersign audit verify`.",
        )  # fmt: skip
    return key_store.of_key(tx, tenant, fingerprint)


def _next(
    steps: tuple[KeyStep, ...], state: key_store.KeyState, by: str, at: int, *, usable_at: int = 0,
    reason: Reason = "", since: int = 0,
) -> KeyStep:  # fmt: skip
    first = steps[0]
    return KeyStep(
        first.fingerprint, len(steps), state, first.person, first.account, first.public_key, by, at, usable_at, reason,
        since,
    )  # fmt: skip


def _since(reason: Reason, since: int | None, now: int) -> int:
    if reason == "superseded":
        if since is not None:
            raise KeyRefusedError(
                "key.since", "no `since` with superseded: it counts from now on", str(since), "Leave it out.",
                status=400,
            )  # fmt: skip
        return now
    if since is not None and since > now:
        raise KeyRefusedError("key.since", "a moment in the past", str(since), "Give when it began.", status=400)
    return since or 0


def _says_nothing_new(known: KeyStanding, reason: Reason, since: int) -> bool:
    if reason == "superseded":
        return known.revoked
    return known.compromised_since is not None and known.compromised_since <= since
