"""Whether a changed part of a policy asks for more or for less, where that can be told from the part alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

import msgspec

from manifests.policy import PERMISSIONS, STRENGTHS, Freeze, Group, Rule, Seat, TrustedSigner
from manifests.policy_terms import (
    SEVERITIES,
    BreakGlassRule,
    ChangeRule,
    DelegationRule,
    FindingsRule,
    KeepRule,
    Requirement,
)

Direction = Literal["tighter", "looser", "unclear"]
Compare = Callable[[Any, Any], Direction]


def overall(found: Iterable[Direction]) -> Direction:
    """One word for several: what is tighter in one thing and looser in another is neither."""
    words = set(found)
    return words.pop() if len(words) == 1 else "unclear"


def of_rule(field: str, before: Rule, after: Rule) -> Direction:
    return _told(_RULE, field, before, after)


def of_group(field: str, before: Group, after: Group) -> Direction:
    """More members are more who can approve: for groups that only have to agree to something. With ``all_of`` a source
    may narrow the group."""
    return "unclear" if before.all_of or after.all_of else _told(_GROUP, field, before, after)


def of_freeze(field: str, before: Freeze, after: Freeze) -> Direction:
    """One that recurs has no start and end of its own."""
    if field in ("start", "end") and (before.recurrence or after.recurrence):
        return "unclear"
    return _told(_FREEZE, field, before, after)


def of_signers(before: Collection[TrustedSigner], after: Collection[TrustedSigner]) -> Direction:
    return _all_let(before, after)


def _told(table: Mapping[str, Compare], field: str, before: Any, after: Any) -> Direction:
    return table[field](getattr(before, field), getattr(after, field)) if field in table else "unclear"


def _more(before: Any, after: Any) -> Direction:
    """A greater number asks for more."""
    return "tighter" if after > before else "looser"


def _less(before: Any, after: Any) -> Direction:
    return _more(after, before)


def _all_asked(before: Collection[Any], after: Collection[Any]) -> Direction:
    """Everything in it is asked for."""
    old, new = set(before), set(after)
    return "tighter" if old < new else "looser" if new < old else "unclear"


def _all_let(before: Collection[Any], after: Collection[Any]) -> Direction:
    """Anything in it is enough."""
    return _all_asked(after, before)


def _scale(words: Collection[str]) -> Compare:
    order = list(words)
    return lambda before, after: _more(order.index(before), order.index(after))


def _where_there(inner: Compare, there: Direction) -> Compare:
    """``there`` is what it means that something is there at all."""
    gone: Direction = "looser" if there == "tighter" else "tighter"

    def compare(before: Any, after: Any) -> Direction:
        if before is None or after is None:
            return there if before is None else gone
        return inner(before, after)

    return compare


def _fields(table: Mapping[str, Compare], names: Iterable[str]) -> Compare:
    """Two structs, field by field."""
    known = tuple(names)

    def compare(before: Any, after: Any) -> Direction:
        return overall(
            table[name](getattr(before, name), getattr(after, name)) if name in table else "unclear"
            for name in known
            if getattr(before, name) != getattr(after, name)
        )

    return compare


def _keyed(key: Callable[[Any], Any], inner: Compare) -> Compare:
    """Lists of things that are asked for, each told by a key that it has once."""

    def compare(before: Iterable[Any], after: Iterable[Any]) -> Direction:
        before, after = tuple(before), tuple(after)
        old, new = {key(one): one for one in before}, {key(one): one for one in after}
        if len(old) != len(before) or len(new) != len(after):
            return "unclear"
        found: list[Direction] = ["tighter" for name in new if name not in old]
        found += ["looser" for name in old if name not in new]
        found += [inner(old[name], new[name]) for name in old if name in new and old[name] != new[name]]
        return overall(found)

    return compare


def _strength(before: Any, after: Any) -> Direction:
    """None means another strength in production than elsewhere, so that nothing is said of it."""
    return "unclear" if before is None or after is None else _scale(STRENGTHS)(before, after)


def _windows(before: Collection[Any], after: Collection[Any]) -> Direction:
    """Each span is another time to deploy; without any there is no limit."""
    if not before or not after:
        return "tighter" if after else "looser"
    return _all_let(before, after)


def _environments(before: Collection[str], after: Collection[str]) -> Direction:
    """None named means all."""
    if not before or not after:
        return "looser" if after else "tighter"
    return _all_asked(before, after)


_SEAT = _fields(
    {"count": _more, "signature": _strength, "accept": _all_let, "shown": _all_asked}, Seat.__struct_fields__
)
_CHANGE = _fields({"cab": _more, "approvals": _more}, ChangeRule.__struct_fields__)
_REQUIREMENT = _fields({"comparisons": _all_asked}, Requirement.__struct_fields__)
_FINDINGS = _fields(
    {
        "severity": lambda before, after: _scale(SEVERITIES)(after, before),
        "types": _all_asked,
        "exceptions_by": _where_there(lambda before, after: "unclear", "looser"),
        "longest": _less,
    },
    FindingsRule.__struct_fields__,
)


def _findings(before: FindingsRule, after: FindingsRule) -> Direction:
    """How long exceptions may last says nothing where nobody can grant one."""
    if before.exceptions_by is None or after.exceptions_by is None:
        after = msgspec.structs.replace(after, longest=before.longest)
    return _FINDINGS(before, after) if before != after else "unclear"


_KEEP = _fields({"unless_changed": _all_asked}, KeepRule.__struct_fields__)
_DELEGATION = _fields({"longest": _less}, DelegationRule.__struct_fields__)
_GLASS = _fields({"count": _more, "valid": _less, "review_within": _less}, BreakGlassRule.__struct_fields__)
_RULE: Mapping[str, Compare] = {
    "seats": _keyed(lambda seat: seat.group, _SEAT),
    "expires": _less,
    "gates": _all_asked,
    "evidence": _all_asked,
    "change": _where_there(_CHANGE, "tighter"),
    "veto": _all_asked,
    "exclude": _all_asked,
    "requirements": _keyed(lambda one: one.type, _REQUIREMENT),
    "required_checks": _all_asked,
    "findings": _where_there(_findings, "tighter"),
    "review_time": _more,
    "windows": _windows,
    "keep": _where_there(_KEEP, "looser"),
    "delegation": _where_there(_DELEGATION, "looser"),
    "break_glass": _where_there(_GLASS, "looser"),
}
_GROUP: Mapping[str, Compare] = {
    "members": _all_let,
    "permission": _where_there(_scale(PERMISSIONS), "looser"),
    "any_of": _all_let,
}
_FREEZE: Mapping[str, Compare] = {
    "start": _less,
    "end": _more,
    "emergency": _less,
    "environments": _environments,
}
