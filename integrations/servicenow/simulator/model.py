"""Which moves a change may make, by type. Source: Change Management, "State model and transitions"."""

from __future__ import annotations

from typing import Literal

import msgspec

NEW, ASSESS, AUTHORIZE, SCHEDULED = "-5", "-4", "-3", "-2"
IMPLEMENT, REVIEW, CLOSED, CANCELED = "-1", "0", "3", "4"
_PATHS = {
    "normal": (NEW, ASSESS, AUTHORIZE, SCHEDULED, IMPLEMENT, REVIEW, CLOSED),
    "standard": (NEW, SCHEDULED, IMPLEMENT, REVIEW, CLOSED),
    "emergency": (NEW, AUTHORIZE, SCHEDULED, IMPLEMENT, REVIEW, CLOSED),
}
_APPROVAL_STATES = frozenset({ASSESS, AUTHORIZE})
_NOT_CANCELABLE = frozenset({REVIEW, CLOSED, CANCELED})

Need = Literal["assignment_group", "outcome", "tasks", "off_hold"]
NEED_NAMES: dict[Need, str] = {
    "assignment_group": "Assignment group is set",
    "outcome": "Close code and close notes are filled",
    "tasks": "No open tasks",
    "off_hold": "Not on hold",
}


class Move(msgspec.Struct, frozen=True):
    """``automatic`` moves are made by the instance only (in the model-driven profiles)."""

    target: str
    automatic: bool
    needs: tuple[Need, ...]


def moves(kind: str, state: str, *, tasks_block_review: bool) -> tuple[Move, ...]:
    """Every move out of a state; a type that is unset has the normal path."""
    path = _PATHS.get(kind, _PATHS["normal"])
    found: list[Move] = []
    if state in path[:-1]:
        target = path[path.index(state) + 1]
        needs = _needs(state, target, tasks_block_review)
        found.append(Move(target, state in _APPROVAL_STATES, needs))
    if state in _APPROVAL_STATES:
        found.append(Move(NEW, False, ("off_hold",)))
    if state not in _NOT_CANCELABLE and state in path:
        found.append(Move(CANCELED, False, ()))
    return tuple(found)


def after_approval(kind: str, state: str) -> str:
    """Where a change goes once the approvals of its state are given."""
    path = _PATHS.get(kind, _PATHS["normal"])
    return path[path.index(state) + 1] if state in path[:-1] else state


def _needs(state: str, target: str, tasks_block_review: bool) -> tuple[Need, ...]:
    needs: list[Need] = ["off_hold"]
    if state == NEW:
        needs.append("assignment_group")
    if target == CLOSED:
        needs.extend(("outcome", "tasks"))
    if target == REVIEW and tasks_block_review:
        needs.append("tasks")
    return tuple(needs)
