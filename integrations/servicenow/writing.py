"""What we write into a change request, and whether the instance kept it."""

from __future__ import annotations

from integrations.errors import RefusedError
from integrations.servicenow.port import Change, NewChange
from integrations.servicenow.queries import equals
from integrations.servicenow.records import RISK_NUMBERS
from integrations.servicenow.times import format_instant, parse_instant

# Longer text is cut off silently by the instance (Change Management API, field lengths).
_LONGEST = {
    "correlation_id": 100,
    "short_description": 160,
    "description": 4000,
    "implementation_plan": 4000,
    "backout_plan": 4000,
    "test_plan": 4000,
    "justification": 4000,
}
_DATES = frozenset({"start_date", "end_date"})
# Decided by moves and by people, or journals that cannot be read back.
_NOT_PLAIN = frozenset(
    {
        "state",
        "approval",
        "type",
        "correlation_id",
        "active",
        "close_code",
        "close_notes",
        "work_notes",
        "comments",
        "approval_history",
    }
)


def change_body(change: NewChange, assignment_group: str | None) -> dict[str, str]:
    """The fields of a new change request; ``assignment_group`` is a sys_id. No state: it starts in new.

    RefusedError for text that would be cut off or a correlation that could not be looked for later.
    """
    equals("correlation_id", change.correlation_id)
    body = {
        "correlation_id": change.correlation_id,
        "type": change.type,
        "short_description": change.short_description,
        "description": change.description,
        "implementation_plan": change.implementation_plan,
        "backout_plan": change.backout_plan,
        "test_plan": change.test_plan,
        "justification": change.justification,
        "risk": RISK_NUMBERS[change.risk],
    }
    if assignment_group is not None:
        body["assignment_group"] = assignment_group
    if change.start is not None:
        body["start_date"] = format_instant(change.start)
    if change.end is not None:
        body["end_date"] = format_instant(change.end)
    _check_lengths(body)
    return body


def plain_fields(fields: dict[str, str]) -> dict[str, str]:
    """The fields as they may be sent; RefusedError for one that is not plain, too long or no date."""
    if not fields:
        raise RefusedError("expected at least one field to set")
    for name, value in fields.items():
        if name in _NOT_PLAIN or name.startswith("sys_"):
            raise RefusedError(f"{name} is not a plain field of a change; use the call that is made for it")
        if name in _DATES and value:
            _check_date(name, value)
    _check_lengths(fields)
    return dict(fields)


def check_kept(asked: NewChange, body: dict[str, str], kept: Change) -> None:
    """RefusedError, naming the change, when the instance made it other than asked."""
    dates = {
        "start_date": "" if kept.start is None else format_instant(kept.start),
        "end_date": "" if kept.end is None else format_instant(kept.end),
    }
    wrong = [
        name
        for name, found, wanted in (
            ("correlation_id", kept.correlation_id, asked.correlation_id),
            ("type", kept.type, asked.type),
            *((name, dates[name], body.get(name, dates[name])) for name in sorted(_DATES)),
        )
        if found != wanted
    ]
    if wrong:
        raise RefusedError(f"{kept.number} ({kept.sys_id}) was opened, but ServiceNow did not keep {', '.join(wrong)}")


def same_text(found: object, wanted: str) -> bool:
    """Whether a field holds what was sent, whichever line ends the instance prefers."""
    return isinstance(found, str) and found.replace("\r\n", "\n") == wanted.replace("\r\n", "\n")


def _check_date(name: str, value: str) -> None:
    try:
        parse_instant(value)
    except ValueError as error:
        raise RefusedError(f"{name}: {error}") from None


def _check_lengths(fields: dict[str, str]) -> None:
    for name, value in fields.items():
        most = _LONGEST.get(name)
        if most is not None and len(value) > most:
            raise RefusedError(f"{name} has {len(value)} characters; ServiceNow keeps {most}")
