"""Which of the moves that an instance offers now leads towards a state.

Source: Change Management REST API, ``GET /api/sn_chg_rest/change/{sys_id}/nextstates``. Its values are typed
(-5, -5.0 or "-5"), and its list holds the current state too.
"""

from __future__ import annotations

import msgspec

from integrations.errors import RefusedError, UnavailableError
from integrations.servicenow.port import ChangeState
from integrations.servicenow.records import STATE_OF_NUMBER

_ORDER: tuple[ChangeState, ...] = (
    "new",
    "assess",
    "authorize",
    "scheduled",
    "implement",
    "review",
    "closed",
)
_Number = str | int | float


class _ConditionName(msgspec.Struct, frozen=True):
    name: str = ""


class _Condition(msgspec.Struct, frozen=True):
    passed: bool = False
    condition: _ConditionName = _ConditionName()


class _Transition(msgspec.Struct, frozen=True):
    from_state: _Number
    to_state: _Number
    transition_available: bool = False
    automatic_transition: bool = False
    conditions: tuple[_Condition, ...] = ()


class _NextStates(msgspec.Struct, frozen=True):
    available_states: tuple[_Number, ...]
    state_transitions: tuple[tuple[_Transition, ...], ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """The states that we may move to now, and why others are closed to us."""

    current: str
    states: tuple[str, ...]
    obstacles: tuple[str, ...]

    def towards(self, target: ChangeState) -> ChangeState | None:
        """The target if offered, else the furthest offered state on the way to it, else None."""
        if target in self.states:
            return target
        here, there = progress(self.current), progress(target)
        if here is None or there is None:
            return None
        between = [state for state in _ORDER[here + 1 : there] if state in self.states]
        return between[-1] if between else None

    def refusal(self, target: ChangeState) -> RefusedError:
        """What to say when nothing that is offered leads to the target."""
        offered = ", ".join(self.states) or "nothing"
        why = f"; not met: {'; '.join(self.obstacles)}" if self.obstacles else ""
        return RefusedError(
            f"the change is in {self.current} and cannot go to {target}: the instance offers {offered}{why}"
        )


def progress(state: str) -> int | None:
    """How far along the usual path a state is, or None when it is not on it."""
    return next((index for index, word in enumerate(_ORDER) if word == state), None)


def read_offer(current: str, raw: object) -> Offer:
    """What nextstates offers; automatic and unavailable transitions are obstacles, not offers."""
    try:
        answer = msgspec.convert(raw, _NextStates)
    except msgspec.ValidationError as error:
        raise UnavailableError(f"ServiceNow's nextstates cannot be read: {error}") from None
    closed: dict[str, str] = {}
    for transition in (one for group in answer.state_transitions for one in group):
        obstacle = _obstacle(transition)
        if _word(transition.from_state) == current and obstacle:
            closed[_word(transition.to_state)] = obstacle
    states = [word for word in map(_word, answer.available_states) if word != current and word not in closed]
    return Offer(current, tuple(dict.fromkeys(states)), tuple(closed.values()))


def _obstacle(transition: _Transition) -> str:
    target = _word(transition.to_state)
    if transition.automatic_transition:
        return f"{target} is only reached by the instance itself"
    if transition.transition_available:
        return ""
    failed = [one.condition.name or "a condition" for one in transition.conditions if not one.passed]
    return f"{target} asks for {', '.join(failed) or 'a condition'}"


def _word(value: _Number) -> str:
    try:
        number = str(int(float(value)))
    except (ValueError, OverflowError):
        return str(value)
    return STATE_OF_NUMBER.get(number, number)
