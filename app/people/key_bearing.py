"""What a key is worth: its steps, if the log bears every one of them out. A difference makes the key worthless."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.people import key_store
from app.people.key_store import KeyStep
from app.rebuild import keys
from app.rebuild.memory import Memory
from manifests.record import Record
from manifests.vocabulary import Event

EVENTS: dict[str, Event] = {"proposed": "key.proposed", "enrolled": "key.enrolled", "revoked": "key.revoked"}


class KeyStanding(msgspec.Struct, frozen=True):
    """A key as the log tells it. Instants in microseconds since 1970 UTC; 0 means that it did not happen.

    ``compromised_since`` not None voids what was recorded from then on; ``superseded_at`` not None ends its use.
    """

    fingerprint: str
    person: str = ""
    account: str = ""
    public_key: str = ""
    enrolled_at: int = 0
    usable_at: int = 0
    superseded_at: int | None = None
    compromised_since: int | None = None
    difference: str = ""

    @property
    def revoked(self) -> bool:
        return self.superseded_at is not None or self.compromised_since is not None


def resource(fingerprint: str) -> str:
    return f"key/{fingerprint}"


def standing(tx: Tx, tenant: str, fingerprint: str) -> KeyStanding | None:
    """None for a key that neither table nor log knows."""
    steps = key_store.of_key(tx, tenant, fingerprint)
    try:
        said = tuple(_step(read) for read in audit.records_of(tx, tenant, resource(fingerprint)))
    except (RecordAlteredError, ValueError, msgspec.MsgspecError) as error:
        return KeyStanding(fingerprint, difference=f"a record of key {fingerprint} was altered: {error}")
    if not steps and not said:
        return None
    if said != steps:
        return KeyStanding(fingerprint, difference=f"the rows of key {fingerprint} are not what its records say")
    return _standing(fingerprint, steps)


def holders(tx: Tx, memory: Memory, tenant: str, fingerprints: Iterable[str]) -> dict[str, str]:
    """The person behind each of these keys that was ever enrolled, as the log tells it.

    Raises RecordAlteredError: who signed a document must not be overlooked."""
    wanted = [(keys.PROJECTION, resource(fingerprint)) for fingerprint in fingerprints]
    said = memory.look(tx, tenant, wanted).of(keys.PROJECTION) if wanted else {}
    return {one.row.fingerprint: one.row.person for one in said.values() if one.row.state == "enrolled"}


def _step(read: Record) -> KeyStep:
    step = msgspec.json.decode(read.data, type=KeyStep)
    if read.resource != resource(step.fingerprint) or read.event != EVENTS[step.state]:
        raise ValueError(f"it says {read.event} of {read.resource}")
    return step


def _standing(fingerprint: str, steps: tuple[KeyStep, ...]) -> KeyStanding:
    first = steps[0]
    enrolled = next((step for step in steps if step.state == "enrolled"), None)
    revoked = [step for step in steps if step.state == "revoked"]
    return KeyStanding(
        fingerprint, first.person, first.account, first.public_key,
        enrolled_at=enrolled.at if enrolled else 0,
        usable_at=enrolled.usable_at if enrolled else 0,
        superseded_at=min((step.at for step in revoked if step.reason == "superseded"), default=None),
        compromised_since=min((step.since for step in revoked if step.reason == "compromised"), default=None),
    )  # fmt: skip
