"""Which offered move is taken."""

from __future__ import annotations

import pytest

from integrations.errors import UnavailableError
from integrations.servicenow.moves import read_offer
from integrations.servicenow.port import ChangeState


def _transition(start: object, end: object, *, available: bool = True, automatic: bool = False) -> object:
    condition = {"passed": available, "condition": {"name": "Close code is filled", "sys_id": "x"}}
    return {
        "from_state": start,
        "to_state": end,
        "transition_available": available,
        "automatic_transition": automatic,
        "conditions": [condition],
    }


@pytest.mark.parametrize(
    ("current", "available", "target", "step"),
    [
        ("new", ["-5", "-4", "4"], "assess", "assess"),
        ("new", ["-5", "-4", "4"], "scheduled", "assess"),
        ("new", [-5, -4, 4], "implement", "assess"),
        ("new", [-5.0, -2.0, 4.0], "implement", "scheduled"),
        ("implement", ["-1", "0", "4"], "closed", "review"),
        ("review", ["0", "3"], "closed", "closed"),
        ("scheduled", ["-2", "-1", "4"], "canceled", "canceled"),
        ("review", ["0", "3"], "canceled", None),
        ("authorize", ["-3", "-5", "4"], "scheduled", None),
        ("authorize", ["-3", "-5", "4"], "new", "new"),
        ("implement", ["-1"], "closed", None),
        ("custom", ["42", "-1"], "review", None),
        ("scheduled", ["-2", "3"], "review", None),
    ],
)
def test_the_furthest_offered_move_that_does_not_pass_the_target_is_taken(
    current: str, available: list[object], target: ChangeState, step: str | None
) -> None:
    offer = read_offer(current, {"available_states": available, "state_transitions": [], "state_label": {}})
    assert offer.towards(target) == step


@pytest.mark.parametrize("number", ["-2", -2, -2.0])
def test_moves_that_only_the_instance_makes_are_not_offers(number: object) -> None:
    raw = {"available_states": ["-3", number], "state_transitions": [[_transition("-3", number, automatic=True)]]}
    offer = read_offer("authorize", raw)
    assert offer.states == ()
    assert "only reached by the instance itself" in str(offer.refusal("scheduled"))


def test_a_refusal_names_state_offers_and_unmet_conditions() -> None:
    raw = {"available_states": ["0", "3"], "state_transitions": [[_transition("0", "3", available=False)]]}
    text = str(read_offer("review", raw).refusal("closed"))
    assert "in review" in text
    assert "offers nothing" in text
    assert "closed asks for Close code is filled" in text


def test_an_obstacle_out_of_another_state_closes_nothing() -> None:
    raw = {"available_states": ["-1", "0"], "state_transitions": [[_transition("-2", "0", available=False)]]}
    assert read_offer("implement", raw).states == ("review",)


@pytest.mark.parametrize("raw", [{}, [], {"available_states": None}, {"available_states": [True]}, "x"])
def test_unreadable_nextstates_are_not_an_offer(raw: object) -> None:
    with pytest.raises(UnavailableError):
        read_offer("new", raw)
