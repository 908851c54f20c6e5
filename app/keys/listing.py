"""What anybody may know of the server's keys: those in use, those that were, and what each may have signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys import records, store
from app.keys.model import (
    KINDS,
    SYSTEM,
    KeySet,
    KeyState,
    KeyUse,
    LogPeriod,
    PublicServerKey,
    PublicServerKeys,
    ServerKeys,
    vkey,
)
from manifests.key_times import Term
from manifests.keys import PublicKey

_STATES: tuple[KeyState, ...] = ("current", "next", "previous", "archived", "revoked")


def held(keys: ServerKeys, logs: Iterable[str]) -> PublicServerKeys:
    """The keys that are here, for these logs, where no database can be asked."""
    wanted = tuple(logs)
    found = [
        _shown(use, key.public, _state(keys.of(use), key.public), tuple(vkey(key.public, log) for log in wanted))
        for use in KINDS
        for key in keys.of(use).all()
    ]
    return _ordered(found)


def told(tx: Tx, keys: ServerKeys, logs: Iterable[str]) -> PublicServerKeys:
    """Every key that the logs name, with what it may sign. ``logs`` are shown even before their first record.

    Raises RecordAlteredError, ManifestError.
    """
    wanted = dict.fromkeys((*logs, SYSTEM, *store.begun(tx)))
    return _ordered([*_of_gate(tx, keys.gates), *_of_logs(tx, keys.logs, list(wanted))])


def _of_gate(tx: Tx, keys: KeySet) -> list[PublicServerKey]:
    terms = {term.key.fingerprint: term for term in records.terms(tx, SYSTEM)}
    public = {key.public.fingerprint: key.public for key in keys.all()}
    public |= {name: term.key for name, term in terms.items()}
    return [_gate_key(key, keys, terms.get(name)) for name, key in public.items()]


def _gate_key(key: PublicKey, keys: KeySet, term: Term | None) -> PublicServerKey:
    if term is None:
        return _shown("gate", key, _state(keys, key))
    state = "revoked" if term.void_from is not None else _state(keys, key)
    return _shown("gate", key, state, since=term.since, until=term.until, void_from=term.void_from)


def _of_logs(tx: Tx, keys: KeySet, logs: list[str]) -> list[PublicServerKey]:
    public = {key.public.fingerprint: key.public for key in keys.all()}
    periods: dict[str, list[LogPeriod]] = {}
    for log in logs:
        first = tuple(key.public for key in keys.all() if key.public.fingerprint in store.signing(tx, log))
        history = records.history(tx, log, origin(DEFAULT_ORIGIN, log), *(first or (keys.current.public,)))
        for period in history.periods:
            name = period.key.fingerprint
            public.setdefault(name, period.key)
            shown = LogPeriod(log, vkey(period.key, log), period.first, period.last, period.counts_to)
            periods.setdefault(name, []).append(shown)
    return [_log_key(key, keys, periods.get(name, [])) for name, key in public.items()]


def _log_key(key: PublicKey, keys: KeySet, periods: list[LogPeriod]) -> PublicServerKey:
    revoked = any(period.counts_to is not None for period in periods)
    state = "revoked" if revoked else _state(keys, key)
    return _shown("log", key, state, tuple(period.vkey for period in periods), tuple(periods))


def _state(keys: KeySet, key: PublicKey) -> KeyState:
    roles: Mapping[KeyState, object] = {"current": keys.current, "next": keys.next, "previous": keys.previous}
    here = keys.find(key.fingerprint)
    return next((state for state, one in roles.items() if here is not None and one is here), "archived")


def _shown(
    use: KeyUse, key: PublicKey, state: KeyState, vkeys: tuple[str, ...] = (), periods: tuple[LogPeriod, ...] = (), *,
    since: int | None = None, until: int | None = None, void_from: int | None = None,
) -> PublicServerKey:  # fmt: skip
    return PublicServerKey(
        use, key.kind, key.fingerprint, key.to_pem().decode(), key.to_openssh(f"countersign-{use}"), state, vkeys,
        periods, since, until, void_from,
    )  # fmt: skip


def _ordered(found: list[PublicServerKey]) -> PublicServerKeys:
    def place(key: PublicServerKey) -> tuple[int, str, int]:
        newest = max((period.first for period in key.periods), default=key.since or 0)
        return _STATES.index(key.state), key.use, -newest

    return PublicServerKeys(tuple(sorted(found, key=place)))
