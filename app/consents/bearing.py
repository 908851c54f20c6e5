"""Whether the log bears out what the grants table says. The log is the authority; a difference denies."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.consents.store import StoredGrant
from app.db.tx import Tx
from app.rebuild.grants import GrantData, VoidData
from gates.model import Consent
from manifests.canonical import sha256_hex
from manifests.record import Record

Check = Callable[[Tx, str, StoredGrant, Consent, int], Consent]
"""Holds a consent that the log bears out to its signature; told the log and when it was recorded."""


class Recorded(msgspec.Struct):
    """What the log says of one grant, recorded ``at`` (microseconds since 1970 UTC). ``problem`` says that its
    records were altered."""

    grant: GrantData | None = None
    at: int = 0
    void: VoidData | None = None
    problem: str = ""


def resource(release_id: str, grant_id: str) -> str:
    return f"grant/{release_id}/{grant_id}"


def recorded(tx: Tx, log: str, release_id: str) -> dict[str, Recorded]:
    """What the log says of every grant of a release, by grant id."""
    found: dict[str, Recorded] = {}
    for named, read in audit.each_under(tx, log, f"grant/{release_id}"):
        entry = found.setdefault(named.rpartition("/")[2], Recorded())
        if isinstance(read, RecordAlteredError):
            entry.problem = f"The record {named} was altered: {read.what}."
        else:
            _add(entry, read)
    return found


def _add(entry: Recorded, read: Record) -> None:
    try:
        if read.event == "grant.recorded" and entry.grant is None:
            entry.grant = msgspec.json.decode(read.data, type=GrantData)
            entry.at = read.ts
        elif read.event == "grant.voided":
            entry.void = msgspec.json.decode(read.data, type=VoidData)
        else:
            entry.problem = f"The record {read.resource} says {read.event} where that cannot be."
    except msgspec.MsgspecError as error:
        entry.problem = f"The record {read.resource} cannot be read: {error}."


def consents(tx: Tx, log: str, release_id: str, grants: Iterable[StoredGrant], check: Check) -> tuple[Consent, ...]:
    """The consents of a release, each with the ``difference`` between its row and the log, if there is one."""
    said = recorded(tx, log, release_id)
    found = [_borne_out(tx, log, grant, said.pop(grant.id, Recorded()), check) for grant in grants]
    found += [_missing(grant_id, entry) for grant_id, entry in said.items()]
    return tuple(found)


def borne_out(tx: Tx, log: str, grant: StoredGrant, check: Check) -> Consent:
    """One consent of another release, compared with the log."""
    return _borne_out(tx, log, grant, recorded(tx, log, grant.release_id).get(grant.id, Recorded()), check)


def _borne_out(tx: Tx, log: str, grant: StoredGrant, said: Recorded, check: Check) -> Consent:
    try:
        consent = grant.consent
    except msgspec.MsgspecError:
        return _missing(grant.id, Recorded(problem=f"The row of grant {grant.id} cannot be read."))
    difference = said.problem
    if not difference and said.grant is None:
        difference = f"Grant {grant.id} has a row but no record in the log."
    elif not difference and said.grant is not None:
        difference = _difference(grant, consent, said.grant)
    if not difference and said.void is not None and grant.void_reason is None:
        difference = f"The log says that grant {grant.id} is void, its row does not."
    if difference:
        return msgspec.structs.replace(consent, difference=difference)
    return check(tx, log, grant, consent, said.at)


def _difference(grant: StoredGrant, consent: Consent, data: GrantData) -> str:
    same = (
        data.consent == sha256_hex(grant.consent_json.encode())
        and data.statement == grant.statement
        and data.decision == consent.decision
        and data.person == consent.person
        and consent.id == grant.id
        and all(
            told in (msgspec.UNSET, found)
            for told, found in ((data.object, grant.object), (data.nonce, grant.nonce), (data.signer, grant.signer))
        )
    )
    return "" if same else f"The row of grant {grant.id} is not what its record says."


def gone(grant_id: str) -> Consent:
    """Stands for a grant that the log has and no row tells of."""
    return _missing(grant_id, Recorded())


def _missing(grant_id: str, said: Recorded) -> Consent:
    """Stands for a grant whose row is gone or unreadable: it counts for nothing and denies."""
    return Consent(
        id=grant_id, decision="hold", person="", account="", name="", repository_id=0, pull_number=0, manifest_path="",
        base_ref="", head_sha="", revision="", effective_rule="", environments=(), groups=(), artifacts=(),
        strength="attested", way="cli", issued_at=0, not_after=0,
        difference=said.problem or f"The log has grant {grant_id}, but its row is gone.",
    )  # fmt: skip
