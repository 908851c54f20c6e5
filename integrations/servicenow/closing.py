"""Walks a change to its end, with read-back after every step.

An instance may answer 200 and leave the state as it was; a move counts only when it is seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.errors import InDoubtError, NeighbourError, RefusedError, UnavailableError
from integrations.servicenow.moves import Offer, progress, read_offer
from integrations.servicenow.port import Change, ChangeState
from integrations.servicenow.queries import equals, query
from integrations.servicenow.reading import rows
from integrations.servicenow.records import (
    NUMBER_OF_STATE,
    ChangeRow,
    ClosedRow,
    TaskRow,
    field_names,
    read_row,
    to_change,
)
from integrations.servicenow.transport import Json, Transport

_TABLE = "change_request"
_OPEN_TASK_STATES = frozenset({"-5", "1", "2"})
_TASK_CLOSED = "3"
_STEPS: dict[str, ChangeState] = {"scheduled": "implement", "implement": "review", "review": "closed"}


async def read_change(transport: Transport, sys_id: str) -> Change:
    """The change as it is now."""
    return _as_asked(sys_id, await transport.record(_TABLE, sys_id, field_names(ChangeRow)))


def _as_asked(sys_id: str, raw: Json) -> Change:
    change = to_change(read_row(ChangeRow, raw))
    if change.sys_id != sys_id:
        raise UnavailableError(f"asked ServiceNow for the change {sys_id}, got {change.sys_id}")
    return change


async def advance(transport: Transport, sys_id: str, target: ChangeState) -> Change:
    """One move towards ``target``, or none when it is there; RefusedError when none leads there."""
    change = await read_change(transport, sys_id)
    if change.state == target:
        return change
    offer = await _offer(transport, change)
    step = offer.towards(target)
    if step is None:
        raise offer.refusal(target)
    return await _move(transport, change, step, {})


async def cancel(transport: Transport, sys_id: str, reason: str) -> Change:
    """Cancels with the reason as a work note; nothing to do when it is canceled already."""
    change = await read_change(transport, sys_id)
    if change.state == "canceled":
        return change
    offer = await _offer(transport, change)
    if "canceled" not in offer.states:
        raise offer.refusal("canceled")
    return await _move(transport, change, "canceled", {"work_notes": reason})


async def close(transport: Transport, sys_id: str, code: str, notes: str) -> Change:
    """Implement, review, closed, as far as the instance offers; the outcome is written before the last."""
    for _ in range(len(_STEPS) + 1):
        change = await read_change(transport, sys_id)
        if change.state == "closed":
            await _check_outcome(transport, sys_id, code)
            return change
        step = _STEPS.get(change.state)
        if step is None:
            raise RefusedError(f"the change is in {change.state}; it can be closed once it is scheduled")
        await _closing_step(transport, change, step, {"close_code": code, "close_notes": notes})
    return await _finally_closed(transport, sys_id)


async def _finally_closed(transport: Transport, sys_id: str) -> Change:
    change = await read_change(transport, sys_id)
    if change.state != "closed":
        raise RefusedError(f"the change did not close; it is in {change.state}")
    return change


async def _closing_step(transport: Transport, change: Change, step: ChangeState, outcome: Mapping[str, str]) -> None:
    if step == "closed":
        # The model may ask for these before it offers the step at all.
        await transport.patch(_TABLE, change.sys_id, outcome)
    try:
        await _offered_move(transport, change, step, outcome)
    except RefusedError as refusal:
        blocked = refusal
    else:
        return
    if not await _close_workflow_tasks(transport, change.sys_id, outcome):
        raise blocked
    # Closing the last task may itself have moved the change.
    now = await read_change(transport, change.sys_id)
    if now.state == change.state:
        await _offered_move(transport, now, step, outcome)


async def _offered_move(transport: Transport, change: Change, step: ChangeState, outcome: Mapping[str, str]) -> None:
    offer = await _offer(transport, change)
    if step not in offer.states:
        raise offer.refusal(step)
    await _move(transport, change, step, outcome if step == "closed" else {})


async def _offer(transport: Transport, change: Change) -> Offer:
    return read_offer(change.state, await transport.nextstates(change.sys_id))


async def _move(transport: Transport, change: Change, step: ChangeState, extra: Mapping[str, str]) -> Change:
    await transport.patch(_TABLE, change.sys_id, {"state": NUMBER_OF_STATE[step], **extra})
    moved, _ = await read_back(transport, change.sys_id)
    here, wanted = progress(moved.state), progress(step)
    further = here is not None and wanted is not None and here > wanted > (progress(change.state) or 0)
    if moved.state == step or further:
        return moved
    raise RefusedError(
        f"ServiceNow accepted the move from {change.state} to {step} but the change is in {moved.state}: "
        "a business rule or flow of the instance undid it"
    )


async def read_back(transport: Transport, sys_id: str, *fields: str) -> tuple[Change, Json]:
    """What a write left behind, with further fields; InDoubtError when that cannot be seen."""
    try:
        raw = await transport.record(_TABLE, sys_id, [*field_names(ChangeRow), *fields])
        return _as_asked(sys_id, raw), raw
    except NeighbourError as error:
        text, status, wait = str(error), error.status, error.retry_after
    raise InDoubtError(f"written, but not read back: {text}", status=status, retry_after=wait)


async def _check_outcome(transport: Transport, sys_id: str, code: str) -> None:
    row = read_row(ClosedRow, await transport.record(_TABLE, sys_id, field_names(ClosedRow)))
    if row.close_code != code:
        raise RefusedError(f"the change was closed as {row.close_code!r}, not as {code!r}")


async def _close_workflow_tasks(transport: Transport, sys_id: str, outcome: Mapping[str, str]) -> bool:
    """True when at least one task that the instance itself had made was open and is closed now."""
    found = await rows(
        transport,
        "change_task",
        query(equals("change_request", sys_id)),
        TaskRow,
        lambda task: task.change_request == sys_id,
    )
    waiting = [task for task in found if task.state in _OPEN_TASK_STATES]
    manual = [task.number for task in waiting if task.created_from != "workflow"]
    if manual:
        raise RefusedError(f"tasks opened by people block the change: {', '.join(sorted(manual))}; close them")
    for task in waiting:
        await transport.patch("change_task", task.sys_id, {"state": _TASK_CLOSED, **outcome})
    return bool(waiting)
