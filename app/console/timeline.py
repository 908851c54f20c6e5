"""The records of a trace as sentences: when, what happened in plain words, by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from app.console.names import Names
from app.pulls.situation import Note
from gates.model import Consent
from gates.words import listing, short
from manifests.canonical import sha256_hex
from manifests.record import Record
from manifests.vocabulary import STAGES

_STAGES = tuple(stage for stage in STAGES if stage != "system")
_OUTCOMES = {"allow": "allowed", "wait": "waiting", "deny": "denied"}
_TONES = {
    "allow": "pass", "approve": "pass", "success": "pass", "wait": "wait", "deny": "fail", "reject": "fail",
    "hold": "fail", "void": "fail", "failure": "fail", "alarm": "fail", "violation": "fail",
    "broken": "fail", "lapsed": "fail", "reviewed": "pass", "break-glass": "fail", "review": "pass",
}  # fmt: skip
_DECIDED = {
    "approve": "Approved", "reject": "Rejected", "hold": "Put on hold", "delegate": "Let somebody act for them",
    "except": "Granted an exception", "break-glass": "Agreed to break the glass",
    "review": "Looked back on a broken glass",
}  # fmt: skip


class Approval(msgspec.Struct, frozen=True):
    state: str = ""
    by: str = ""


class Data(msgspec.Struct, frozen=True):
    """What the sentences need of a record's data; what one does not carry stays empty."""

    approvals: tuple[Approval, ...] = ()
    by: str = ""
    code: str = ""
    consent: str = ""
    content: str = ""
    environment: str = ""
    failing: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    head: str = ""
    number: str = ""
    object: str = ""
    question: str = ""
    reason: str = ""
    revision: str = ""
    state: str = ""
    text: str = ""
    what: str = ""


class Stage(msgspec.Struct, frozen=True):
    """A stage of the trace and when it was first reached (0: not yet)."""

    name: str
    at: int


class Entry(msgspec.Struct, frozen=True):
    """One line. ``tone`` is pass, wait, fail or empty; ``decision`` the id of a decision to link to."""

    at: int
    stage: str
    what: str
    detail: str
    by: str
    tone: str
    decision: str
    seq: int


class Context(msgspec.Struct, frozen=True):
    """What the records refer to. ``pushers`` maps heads to the accounts that pushed them; ``notes`` are our
    answers by the digest of their text."""

    names: Names
    requester: str
    consents: Mapping[str, Consent]
    pushers: Mapping[str, str]
    notes: Mapping[str, Note]


def notes_by_digest(notes: Sequence[Note]) -> dict[str, Note]:
    return {sha256_hex(note.text.encode()): note for note in notes}


def stages(records: Sequence[Record]) -> tuple[Stage, ...]:
    reached: dict[str, int] = {}
    for record in records:
        reached.setdefault(record.stage, record.ts)
    return tuple(Stage(name, reached.get(name, 0)) for name in _STAGES)


def entries(records: Sequence[Record], context: Context) -> tuple[Entry, ...]:
    """Newest first."""
    return tuple(_entry(record, context) for record in reversed(records))


def tone(outcome: str) -> str:
    """pass, wait, fail, or nothing for an outcome that is neither good nor bad."""
    return _TONES.get(outcome, "")


def _entry(record: Record, context: Context) -> Entry:
    try:
        data = msgspec.json.decode(record.data, type=Data)
    except msgspec.MsgspecError:
        data = Data()
    tell = _SENTENCES.get(record.event)
    what, detail, by = tell(record, data, context) if tell else (_plain(record), "", "")
    kind, _, identity = record.resource.partition("/")
    return Entry(
        record.ts, record.stage, what, detail, by or context.names.of(record.actor_ref),
        tone(record.outcome), identity if kind == "decision" else "", record.seq,
    )  # fmt: skip


_Told = tuple[str, str, str]


def _plain(record: Record) -> str:
    subject, _, verb = record.event.partition(".")
    return f"{subject.capitalize()} {verb.replace('_', ' ')}: {record.outcome}"


def _proposed(_record: Record, data: Data, context: Context) -> _Told:
    who = context.names.of(context.requester)
    return "Release proposed", f"Head {short(data.head)}, revision {short(data.revision)}", who


def _revised(_record: Record, data: Data, context: Context) -> _Told:
    who = context.names.of(context.pushers.get(data.head, ""))
    detail = f"Head {short(data.head)}, new revision {short(data.revision)}: earlier approvals no longer fit"
    return "Release changed by a push", detail, who


def _closed(record: Record, _data: Data, _context: Context) -> _Told:
    if record.outcome == "withdrawn":
        return "Release withdrawn: the pull request no longer touches it", "", ""
    return "Release closed without merging", "", ""


def _verdict(record: Record, data: Data, _context: Context) -> _Told:
    asked = "merging" if data.question == "merge" else "deploying"
    what = f"{data.environment}: {asked} is {_OUTCOMES.get(record.outcome, record.outcome)}"
    return what, f"Not satisfied: {listing(data.failing, most=8)}" if data.failing else "", ""


def _asked(record: Record, data: Data, context: Context) -> _Told:
    what, detail, _ = _verdict(record, data, context)
    return f"The gate was asked: {what}", detail, ""


def _grant(record: Record, _data: Data, context: Context) -> _Told:
    consent = context.consents.get(record.resource.rpartition("/")[2])
    what = _DECIDED.get(record.outcome, record.outcome.capitalize())
    if consent is None:
        return what, "", ""
    where = f" for {listing(consent.environments)}" if consent.environments else ""
    ways = {
        "review": "a GitHub review",
        "command": "a comment",
        "cli": "the command line",
        "passkey": "a passkey",
        "servicenow": "an approval in ServiceNow",
    }
    detail = f"As {listing(consent.groups)}, with {ways.get(consent.way, consent.way)}; signature {consent.strength}"
    return f"{what}{where}", detail, consent.name


def _voided(record: Record, data: Data, context: Context) -> _Told:
    consent = context.consents.get(record.resource.rpartition("/")[2])
    whose = f"{consent.name}’s " if consent else "A "
    return f"{whose}{consent.decision if consent else 'grant'} no longer counts", data.reason, ""


def _refused(_record: Record, data: Data, context: Context) -> _Told:
    note = context.notes.get(data.text)
    kind = data.object.partition(":")[0] or "message"
    if note is None:
        return f"A {kind} was answered and fills no seat", "", ""
    return f"A {kind} was answered and fills no seat", note.text, note.login


def _change(record: Record, data: Data, context: Context) -> _Told:
    where = record.resource.rpartition("/")[2]
    number = data.number or "The change request"
    if record.event == "change.opened":
        return f"Change request {number} opened for {where}", "", ""
    if record.event == "change.closed":
        return f"Change request {number} closed: {record.outcome}", f"Close code {data.code}" if data.code else "", ""
    if record.event == "change.canceled":
        return f"Change request {number} cancelled", f"Because {data.reason}" if data.reason else "", ""
    if record.event == "change.alarmed":
        return f"Change request {number} is not ours and is not used", data.what, ""
    if data.content:
        return f"{number} now says what the release says", "", ""
    if data.by:
        return f"{number} was changed in ServiceNow: approvals before that do not count", "", data.by
    said = [f"{one.state} by {context.names.of(f'servicenow:{one.by}')}" for one in data.approvals]
    return f"{number} is in state {data.state or record.outcome}", listing(said, most=8).capitalize(), ""


def _redeemed(_record: Record, _data: Data, _context: Context) -> _Told:
    return "Deployment began: the allow is used up", "", ""


def _deployed(record: Record, data: Data, _context: Context) -> _Told:
    how = {"success": "succeeded", "failure": "failed"}.get(record.outcome, record.outcome)
    return f"Deployment to {data.environment} {how}", "", ""


def _reminded(record: Record, data: Data, _context: Context) -> _Told:
    asked = f"{listing(data.groups, most=8)} for {data.environment}"
    if record.event == "release.escalated":
        return "The deadline passed, and others were told", f"Still missing: {asked}", ""
    return "Those who are asked were reminded", f"Missing: {asked}", ""


def _glass(record: Record, _data: Data, _context: Context) -> _Told:
    what = {
        "glass.broken": "The glass was broken, and that is used up: a review is owed",
        "glass.reviewed": "The broken glass was reviewed",
        "glass.lapsed": "Nobody reviewed the broken glass in time",
    }[record.event]
    return what, "", ""


def _noted(record: Record, _data: Data, _context: Context) -> _Told:
    what = {
        "artifact.named": "An artifact was named",
        "contributors.seen": "Who had a hand in it was noted",
        "release.merged": "The pull request was merged",
    }[record.event]
    return what, "", ""


_SENTENCES: dict[str, Callable[[Record, Data, Context], _Told]] = {
    "release.proposed": _proposed,
    "release.revised": _revised,
    "release.closed": _closed,
    "verdict.recorded": _verdict,
    "decision.recorded": _asked,
    "grant.recorded": _grant,
    "grant.voided": _voided,
    "grant.refused": _refused,
    "artifact.named": _noted,
    "contributors.seen": _noted,
    "release.merged": _noted,
    "change.opened": _change,
    "change.updated": _change,
    "change.closed": _change,
    "change.canceled": _change,
    "change.alarmed": _change,
    "decision.redeemed": _redeemed,
    "deployment.recorded": _deployed,
    "release.reminded": _reminded,
    "release.escalated": _reminded,
    "glass.broken": _glass,
    "glass.reviewed": _glass,
    "glass.lapsed": _glass,
}
